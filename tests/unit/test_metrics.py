from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from storage_plugins import errors
from storage_plugins.adapters.memory import MemoryOptions, MemoryStore
from storage_plugins.layers.metrics import MetricsLayer
from storage_plugins.metrics import Metrics
from storage_plugins.testing.faults import Fault, FaultStore
from storage_plugins.testing.media import read


@pytest.mark.parametrize("verb", ["put", "read", "read_range", "delete"])
@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (errors.NotFound("x"), "not_found"),
        (errors.StorageFull("x"), "storage_full"),
        (errors.Unavailable("x"), "unavailable"),
        (ZeroDivisionError("x"), "error"),
        (KeyboardInterrupt("x"), "error"),
    ],
)
def test_outcomes(verb: str, error: BaseException, outcome: str) -> None:
    """A call that fails is counted under its verb and outcome, and the error passes unchanged."""
    faults = FaultStore(MemoryStore(MemoryOptions()), [Fault(verb, error)])
    metrics = Metrics()
    store = MetricsLayer(faults, metrics)
    call: Callable[[], object] = {
        "put": lambda: store.put("a", b"abc"),
        "read": lambda: read(store, "a"),
        "read_range": lambda: store.read_range("a", 0, memoryview(bytearray(1))),
        "delete": lambda: store.delete("a"),
    }[verb]

    with pytest.raises(type(error)) as caught:
        call()

    counted = {name for name, value in metrics.snapshot().items() if value and name.endswith("_total")}
    assert error is caught.value
    assert {f"storage_plugins_{verb}_{outcome}_total"} == counted
    assert 0 == metrics.snapshot()[f"storage_plugins_{verb}_bytes"]
    assert [] == faults.unused()


def test_bytes_and_time() -> None:
    """Calls that go well count their bytes and seconds."""
    metrics = Metrics()
    store = MetricsLayer(MemoryStore(MemoryOptions()), metrics)
    store.put("a", b"abcdef")
    read(store, "a")
    store.read_range("a", 1, memoryview(bytearray(2)))
    store.delete("a")

    found = metrics.snapshot()

    assert [6, 6, 2, 0] == [found[f"storage_plugins_{verb}_bytes"] for verb in ("put", "read", "read_range", "delete")]
    assert all(found[f"storage_plugins_{verb}_seconds"] > 0 for verb in ("put", "read", "read_range", "delete"))


def test_threads() -> None:
    """No count is lost between threads."""
    metrics = Metrics()
    metrics.declare("calls", "seconds", "bytes")

    def work(_thread: int) -> None:
        for _ in range(1000):
            metrics.count(("calls", "seconds", "bytes"), 0.5, 2)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert {"calls": 8000, "seconds": 4000, "bytes": 16000} == metrics.snapshot()
