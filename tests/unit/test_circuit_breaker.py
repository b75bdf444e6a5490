from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from storage_plugins.config.layers import CircuitBreakerOptions
from storage_plugins.errors import AccessDenied, Corrupt, NotFound, RangeInvalid, StoreError, Unavailable
from storage_plugins.layers.circuit_breaker import CircuitBreakerLayer
from storage_plugins.store import Store
from storage_plugins.testing.media import read
from tests.unit.conftest import CommandedStore, together, until

AWAY = Unavailable("no route to host")

CALLS: dict[str, Callable[[Store], object]] = {
    "put": lambda store: store.put("a", b"abc"),
    "read": lambda store: read(store, "a"),
    "read_range": lambda store: store.read_range("a", 0, memoryview(bytearray(1))),
    "delete": lambda store: store.delete("a"),
    "delete_many": lambda store: store.delete_many(["a", "b"]),
    "stat": lambda store: store.stat("a"),
}


@contextmanager
def opened(below: CommandedStore, probe: Callable[[], None] | None = None) -> Iterator[CircuitBreakerLayer]:
    """Opens after 3 calls, and probes with a read unless told otherwise."""

    def look() -> None:
        read(below, "probe")

    layer = CircuitBreakerLayer(below, CircuitBreakerOptions(Failures=3, ProbeEvery=0.02), probe or look)
    try:
        yield layer
    finally:
        layer.close()


def fail(layer: CircuitBreakerLayer, below: CommandedStore, error: StoreError, verb: str = "read") -> None:
    """One call that fails below."""
    below.fault = lambda _verb, _key: error
    with pytest.raises(type(error)):
        CALLS[verb](layer)


def probing() -> bool:
    """Whether a thread asks for the storage."""
    return any(thread.name == "storage-probe" for thread in threading.enumerate())


@pytest.mark.parametrize("verb", CALLS)
def test_every_verb_counts_and_is_refused(below: CommandedStore, verb: str) -> None:
    """After so many calls without an answer the next one fails at once, says why, and reaches nobody."""
    silence = threading.Event()

    def probe() -> None:
        silence.wait(1)

    with opened(below, probe) as layer:
        for _ in range(3):
            assert not layer.report()["open"]
            fail(layer, below, AWAY, verb)
        assert layer.report()["open"]
        with pytest.raises(
            Unavailable, match="has not answered for 0 s, and is not asked until it does: no route"
        ) as told:
            CALLS[verb](layer)
        assert told.value.retryable
        assert 3 == below.count(verb)
        assert (1, 1) == (layer.report()["opened_total"], layer.report()["refused_total"])
        silence.set()


@pytest.mark.parametrize(
    "answer",
    [
        None,
        NotFound("x"),
        RangeInvalid("x"),
        AccessDenied("x"),
        Corrupt("torn", retryable=True),
        Unavailable("never", retryable=False),
    ],
)
def test_only_silence_in_a_row_counts(below: CommandedStore, answer: StoreError | None) -> None:
    """Whatever is an answer begins the count again."""
    below.inner.put("a", b"abc")
    with opened(below) as layer:
        for _ in range(3):
            fail(layer, below, AWAY)
            fail(layer, below, AWAY)
            if answer is None:
                below.fault = lambda _verb, _key: None
                assert b"abc" == read(layer, "a")
            else:
                fail(layer, below, answer)
        for _ in range(5):
            fail(layer, below, answer or NotFound("x"))
        assert (False, 0) == (layer.report()["open"], layer.report()["opened_total"])
        for _ in range(3):
            fail(layer, below, AWAY)
        assert layer.report()["open"]


def test_failing_is_fast(below: CommandedStore) -> None:
    """A thousand refused calls take less than one that waits for a timeout."""
    with opened(below) as layer:
        for _ in range(3):
            fail(layer, below, AWAY)
        started = time.monotonic()
        for _ in range(1000):
            fail(layer, below, AWAY)
        assert time.monotonic() - started < 0.5
        assert 1000 == layer.report()["refused_total"]


@pytest.mark.parametrize(
    "answer", [None, NotFound("x"), AccessDenied("x"), ValueError("x"), Unavailable("x", retryable=False)]
)
def test_the_probe_ends_it(below: CommandedStore, answer: Exception | None, caplog: pytest.LogCaptureFixture) -> None:
    """Any answer but silence; after that calls reach the storage, and it takes as many to open again."""
    below.inner.put("a", b"abc")
    below.inner.put("probe", b"")
    with opened(below) as layer:
        for _ in range(3):
            fail(layer, below, AWAY)
        until(lambda: below.calls.count(("read", "probe")) >= 3)
        assert layer.report()["open"]
        assert layer.report()["open_seconds"] > 0.03
        below.fault = lambda _verb, _key: answer
        until(lambda: not layer.report()["open"])
        assert 0 == layer.report()["open_seconds"]
        until(lambda: not probing())
        asked = below.calls.count(("read", "probe"))
        below.fault = lambda _verb, _key: None
        fail(layer, below, AWAY)
        fail(layer, below, AWAY)
        below.fault = lambda _verb, _key: None
        assert b"abc" == read(layer, "a")
        fail(layer, below, AWAY)
        fail(layer, below, AWAY)
        assert not layer.report()["open"]
        fail(layer, below, AWAY)
        assert (True, 2) == (layer.report()["open"], layer.report()["opened_total"])
        assert 3 <= asked
    told = [record.message for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]
    assert "3 calls in a row got no answer from the storage: it is not asked until it does" == told[0]
    assert "The storage answers again, after 0 seconds" == told[1]


def test_calls_that_are_on_their_way(below: CommandedStore) -> None:
    """Many that fail at the same time open it once, with one thread that probes."""
    with opened(below) as layer:
        below.hold("read")
        below.fault = lambda _verb, _key: AWAY

        def work(number: int) -> object:
            if number == 16:
                below.wait_for("read", 16)
                below.release()
                return None
            return read(layer, "a")

        assert {Unavailable} == set(map(type, together(17, work)[:16]))
        assert (True, 1) == (layer.report()["open"], layer.report()["opened_total"])
        assert 1 == [thread.name for thread in threading.enumerate()].count("storage-probe")


def test_close_ends_the_probe(below: CommandedStore) -> None:
    """The thread goes at once, also while it waits for its next turn; calls get what a closed store says."""
    with opened(below) as layer:
        layer._options = CircuitBreakerOptions(Failures=3, ProbeEvery=3600)
        for _ in range(3):
            fail(layer, below, AWAY)
        assert probing()
        layer.close()
        until(lambda: not probing(), 1)
        asked = below.count("read")
        fail(layer, below, Unavailable("the store is closed"))
        assert asked + 1 == below.count("read")
        layer.close()
