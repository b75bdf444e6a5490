"""How much memory a large object takes beside the caller's."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc

from tests.cloud.conftest import Cloud, cases

MIB = 1 << 20


@cases(("fake-gcs", "sdk"))
def test_a_large_object_is_not_copied_as_a_whole(cloud: Cloud) -> None:
    """A few parts are in memory at a time, those of the server in this process among them."""
    data = memoryview(bytearray(96 * MIB))
    store = cloud.open(cloud.server.endpoint, Parallel=1)
    store.put("x", data[: 6 * MIB])
    tracemalloc.start()
    try:
        store.put("x", data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 48 * MIB


@cases(("seaweedfs", "obstore"), ("seaweedfs", "sdk"))
def test_a_large_read_goes_into_the_memory_of_the_caller(cloud: Cloud) -> None:
    """The peak of a process over its idle state is the object, and a quarter of it at most for all its parts."""
    size = 100 * MIB
    cloud.open(cloud.server.endpoint).put("x", bytes(size))
    options = json.dumps(cloud.options(cloud.server.endpoint, PartSize=8))
    command = [sys.executable, "-m", "tests.cloud.peak", cloud.name, options, "x"]

    peak = int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)

    assert 0.9 * size < peak < 1.25 * size
