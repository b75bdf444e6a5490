"""Two places for attachments: one that is written to, and one where older ones may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from storage_plugins.errors import NotFound
from storage_plugins.store import Allocate, Buffer, Layer, ObjectInfo, Store

T = TypeVar("T")


class SecondChoiceLayer(Layer):
    """Writes to the first place, reads from the second one what the first does not have, and deletes in both."""

    def __init__(self, inner: Store, second: Store) -> None:
        super().__init__(inner)
        self._second = second

    def put(self, key: str, data: Buffer) -> None:
        """See Store."""
        self.inner.put(key, data)

    def read(self, key: str, allocate: Allocate) -> None:
        """See Store."""
        self._first_that_has_it(lambda store: store.read(key, allocate))

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """See Store."""
        self._first_that_has_it(lambda store: store.read_range(key, start, target))

    def delete(self, key: str) -> None:
        """See Store. When one place fails, the object is deleted in the other one all the same."""
        try:
            self.inner.delete(key)
        finally:
            self._second.delete(key)

    def stat(self, key: str) -> ObjectInfo:
        """See Store."""
        return self._first_that_has_it(lambda store: store.stat(key))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See Store. Each place gives the keys that it has."""
        seen = set()
        for store in (self.inner, self._second):
            for info in store.list(prefix):
                if info.key not in seen:
                    seen.add(info.key)
                    yield info

    def close(self) -> None:
        """Closes both."""
        try:
            self.inner.close()
        finally:
            self._second.close()

    def _first_that_has_it(self, call: Callable[[Store], T]) -> T:
        """Only "not found" leads on: whatever else is wrong with the first place must be seen."""
        try:
            return call(self.inner)
        except NotFound as error:
            try:
                return call(self._second)
            except NotFound:
                raise error from None
