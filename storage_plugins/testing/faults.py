"""Stores that fail on purpose, to test what is above them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from storage_plugins.store import Allocate, Buffer, Layer, ObjectInfo, Store


@dataclass(frozen=True, slots=True)
class Fault:
    """The next call of `verb` raises `error` instead of reaching the store."""

    verb: str
    error: BaseException


class FaultStore(Layer):
    """Raises scripted errors, in the order of the script for each verb; without one it forwards the call."""

    def __init__(self, inner: Store, script: Iterable[Fault]) -> None:
        super().__init__(inner)
        self._script: dict[str, deque[BaseException]] = {}
        for fault in script:
            self._script.setdefault(fault.verb, deque()).append(fault.error)

    def unused(self) -> list[str]:
        """The verbs whose faults were not all met: a test that leaves some has not tested what it meant to."""
        return sorted(verb for verb, errors in self._script.items() if errors)

    def put(self, key: str, data: Buffer) -> None:
        """See Store."""
        self._meet("put")
        self.inner.put(key, data)

    def read(self, key: str, allocate: Allocate) -> None:
        """See Store."""
        self._meet("read")
        self.inner.read(key, allocate)

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """See Store."""
        self._meet("read_range")
        self.inner.read_range(key, start, target)

    def delete(self, key: str) -> None:
        """See Store."""
        self._meet("delete")
        self.inner.delete(key)

    def stat(self, key: str) -> ObjectInfo:
        """See Store."""
        self._meet("stat")
        return self.inner.stat(key)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See Store."""
        self._meet("list")
        return self.inner.list(prefix)

    def _meet(self, verb: str) -> None:
        if self._script.get(verb):
            raise self._script[verb].popleft()
