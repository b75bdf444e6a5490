"""What the tests of the layers with disks of their own share: a store that does as it is told, and ways to ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from storage_plugins.adapters.memory import MemoryOptions, MemoryStore
from storage_plugins.errors import StoreError
from storage_plugins.store import Allocate, Buffer, Layer, ObjectInfo

PATIENCE = 20.0


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it has never come to that"
        time.sleep(0.002)


def together(count: int, work: Callable[[int], object]) -> list[object]:
    """What `count` threads bring that start at the same time: results, and errors in their place."""
    barrier = threading.Barrier(count)
    results: list[object] = [None] * count

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = work(number)
        except StoreError as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    return results


class CommandedStore(Layer):
    """A store in memory that fails, waits and goes on when it is told so, and knows what it was asked."""

    def __init__(self) -> None:
        super().__init__(MemoryStore(MemoryOptions()))
        self.calls: list[tuple[str, str]] = []
        """Verb and key of each call, from its begin on. A delete of many is one of "delete_many" with all the keys."""

        self.fault: Callable[[str, str], BaseException | None] = lambda _verb, _key: None
        """What a call raises instead of reaching the medium."""

        self._before: dict[str, threading.Event] = {}
        self._after: dict[str, threading.Event] = {}
        self._held: list[threading.Event] = []

    def hold(self, verb: str, *, after: bool = False) -> None:
        """From now on calls of a verb wait until `release`: before they reach the medium, or after."""
        self._held.append(threading.Event())
        (self._after if after else self._before)[verb] = self._held[-1]

    def pass_others(self) -> None:
        """Lets calls through that have not begun."""
        self._before.clear()
        self._after.clear()

    def release(self) -> None:
        """Lets all calls go on."""
        self.pass_others()
        while self._held:
            self._held.pop().set()

    def count(self, verb: str) -> int:
        """How many calls of a verb have begun."""
        return [called for called, _ in self.calls].count(verb)

    def wait_for(self, verb: str, count: int = 1) -> None:
        """Until so many calls of a verb have begun."""
        until(lambda: self.count(verb) >= count)

    def content(self) -> dict[str, bytes]:
        """What is in the medium."""
        assert isinstance(self.inner, MemoryStore)
        return {key: data for key, (data, _) in self.inner._open().items()}

    def put(self, key: str, data: Buffer) -> None:
        """See Store."""
        self._call("put", key, lambda: self.inner.put(key, data))

    def read(self, key: str, allocate: Allocate) -> None:
        """See Store."""
        self._call("read", key, lambda: self.inner.read(key, allocate))

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """See Store."""
        self._call("read_range", key, lambda: self.inner.read_range(key, start, target))

    def delete(self, key: str) -> None:
        """See Store."""
        self._call("delete", key, lambda: self.inner.delete(key))

    def delete_many(self, keys: Sequence[str]) -> dict[str, StoreError]:
        """See Store. A fault of the verb "delete" is that of one of the keys."""
        failed: dict[str, StoreError] = {}

        def delete() -> None:
            for key in keys:
                error = self.fault("delete", key)
                if isinstance(error, StoreError):
                    failed[key] = error
                else:
                    self.inner.delete(key)

        self._call("delete_many", " ".join(keys), delete)
        return failed

    def stat(self, key: str) -> ObjectInfo:
        """See Store."""
        self._call("stat", key, lambda: None)
        return self.inner.stat(key)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See Store."""
        return self.inner.list(prefix)

    def close(self) -> None:
        """See Store. The medium stays, for who looks at it afterwards."""
        self.calls.append(("close", ""))

    def _call(self, verb: str, key: str, work: Callable[[], None]) -> None:
        before, after = self._before.get(verb), self._after.get(verb)
        self.calls.append((verb, key))
        if before is not None:
            assert before.wait(PATIENCE)
        error = self.fault(verb, key)
        if error is not None:
            raise error
        work()
        if after is not None:
            assert after.wait(PATIENCE)


@pytest.fixture
def below() -> Iterator[CommandedStore]:
    """The store below the layer under test."""
    store = CommandedStore()
    yield store
    store.release()
