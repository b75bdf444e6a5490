"""How much memory a large object takes beside the caller's."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path

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
    """The peak of this process over what it had before is the object, and a quarter of it at most for all its parts."""
    size = 100 * MIB
    store = cloud.open(cloud.server.endpoint, PartSize=8)
    store.put("x", bytes(size))
    store.read("x", lambda wanted: memoryview(bytearray(wanted)))  # whatever is there from now on
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak
    before = _status("VmRSS")

    store.read("x", lambda wanted: memoryview(bytearray(wanted)))

    assert size < _status("VmHWM") - before < 1.25 * size


def _status(name: str) -> int:
    """Bytes, from /proc."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) << 10
