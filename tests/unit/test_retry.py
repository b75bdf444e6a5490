from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from storage_plugins.adapters.memory import MemoryOptions, MemoryStore
from storage_plugins.config.layers import RetryOptions
from storage_plugins.errors import Corrupt, NotFound, StoreError, Unavailable
from storage_plugins.layers.retry import RetryLayer
from storage_plugins.store import Allocate
from storage_plugins.testing.faults import Fault, FaultStore
from storage_plugins.testing.media import read

FAST: dict[str, Any] = {"FirstWait": 0.001, "LongestWait": 0.002}


def layer(faults: list[Fault], **options: Any) -> tuple[RetryLayer, FaultStore]:
    """A retry layer over a store in memory that holds "x" and fails as told."""
    inner = MemoryStore(MemoryOptions())
    inner.put("x", b"abc")
    faulty = FaultStore(inner, faults)
    return RetryLayer(faulty, RetryOptions(**{**FAST, **options})), faulty


CALLS: dict[str, Callable[[RetryLayer], object]] = {
    "put": lambda store: store.put("x", b"abc"),
    "read": lambda store: read(store, "x"),
    "read_range": lambda store: store.read_range("x", 0, memoryview(bytearray(3))),
    "delete": lambda store: store.delete("x"),
}


@pytest.mark.parametrize("verb", CALLS)
def test_errors_that_pass(verb: str) -> None:
    """A call is made again until it works."""
    store, faults = layer([Fault(verb, Unavailable("x")), Fault(verb, Corrupt("x", retryable=True))])

    CALLS[verb](store)
    assert [] == faults.unused()


@pytest.mark.parametrize("verb", CALLS)
@pytest.mark.parametrize("error", [NotFound("x"), Corrupt("x"), Unavailable("x", retryable=False), ValueError("x")])
def test_errors_that_stay(verb: str, error: Exception) -> None:
    """Anything else ends the call at once, unchanged."""
    store, faults = layer([Fault(verb, error), Fault(verb, Unavailable("second"))])

    with pytest.raises(type(error)) as caught:
        CALLS[verb](store)
    assert error is caught.value
    assert [verb] == faults.unused()


def test_the_number_of_attempts(caplog: pytest.LogCaptureFixture) -> None:
    """The first one counts, and each but the last is told."""
    store, faults = layer([Fault("put", Unavailable(str(i))) for i in range(5)], Attempts=3)

    with pytest.raises(Unavailable, match="2"):
        store.put("x", b"")
    assert ["put"] == faults.unused()
    assert ["0. Trying again", "1. Trying again"] == [
        record.message for record in caplog.records if record.name.startswith("storage_plugins")
    ]


def test_the_deadline() -> None:
    """No attempt starts after it."""
    store, _ = layer(
        [Fault("put", Unavailable("x")) for _ in range(500)], Attempts=1000, Deadline=0.2, LongestWait=0.05
    )
    started = time.monotonic()

    with pytest.raises(Unavailable):
        store.put("x", b"")
    assert 0.1 < time.monotonic() - started < 0.6


def test_what_the_server_asks_for() -> None:
    """Retry-After is waited for, unless it is past the deadline."""
    store, faults = layer([Fault("put", Unavailable("x", retry_after=0.3))])
    started = time.monotonic()
    store.put("x", b"")
    assert 0.3 <= time.monotonic() - started < 0.8
    assert [] == faults.unused()

    store, _ = layer([Fault("put", Unavailable("x", retry_after=60))])
    with pytest.raises(StoreError):
        store.put("x", b"")
    assert time.monotonic() - started < 2


def test_the_memory_of_a_read_is_asked_for_once() -> None:
    """Orthanc gives memory once, also when the first attempt failed after it."""

    class Late(MemoryStore):
        def read(self, key: str, allocate: Allocate) -> None:
            super().read(key, allocate)
            if not failed:
                failed.append(key)
                raise Corrupt(key, retryable=True)

    failed: list[str] = []
    inner = Late(MemoryOptions())
    inner.put("x", b"abc")

    assert b"abc" == read(RetryLayer(inner, RetryOptions(**FAST)), "x")
    assert ["x"] == failed
