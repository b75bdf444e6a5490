"""The same objects under other keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from storage_plugins.errors import KeyInvalid, NotFound
from storage_plugins.store import Allocate, Buffer, Layer, ObjectInfo, Store


class RenamedLayer(Layer):
    """Takes keys of one naming, and asks the store below for those of another one."""

    def __init__(self, inner: Store, rename: Callable[[str], str | None]) -> None:
        """`rename`: the key below; None when no object of that key can be there."""
        super().__init__(inner)
        self._rename = rename

    def put(self, key: str, data: Buffer) -> None:
        """See Store."""
        renamed = self._rename(key)
        if renamed is None:
            msg = f"object {key!r} has no place here"
            raise KeyInvalid(msg)
        self.inner.put(renamed, data)

    def read(self, key: str, allocate: Allocate) -> None:
        """See Store."""
        self.inner.read(self._known(key), allocate)

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """See Store."""
        self.inner.read_range(self._known(key), start, target)

    def delete(self, key: str) -> None:
        """See Store."""
        renamed = self._rename(key)
        if renamed is not None:
            self.inner.delete(renamed)

    def stat(self, key: str) -> ObjectInfo:
        """See Store."""
        found = self.inner.stat(self._known(key))
        return ObjectInfo(key, found.size, found.modified)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See Store. With the keys that they have below, which do not tell all that the others do."""
        return self.inner.list(prefix)

    def _known(self, key: str) -> str:
        renamed = self._rename(key)
        if renamed is None:
            msg = f"there is no object {key!r}"
            raise NotFound(msg)
        return renamed
