"""How much memory a write takes beside the caller's."""

from __future__ import annotations

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
