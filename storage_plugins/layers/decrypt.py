"""Reads what the official plugins have encrypted."""

from __future__ import annotations

from collections.abc import Iterator

from storage_plugins.a1 import MARK, OVERHEAD, MasterKeys
from storage_plugins.errors import AccessDenied, RangeInvalid
from storage_plugins.store import Allocate, Buffer, Layer, ObjectInfo, Store, read_whole


class DecryptLayer(Layer):
    """An object can only be verified as a whole: a range costs as much as a read of all of it."""

    def __init__(self, inner: Store, keys: MasterKeys, *, plain: bool = False) -> None:
        """`plain`: whether there may also be objects that were never encrypted."""
        super().__init__(inner)
        self._keys = keys
        self._plain = plain

    def put(self, key: str, data: Buffer) -> None:  # noqa: ARG002
        """Refused: plain text must not lie where everything is encrypted."""
        msg = f"object {key!r} cannot be written: this version reads encrypted objects and does not write them"
        raise AccessDenied(msg)

    def read(self, key: str, allocate: Allocate) -> None:
        """See Store."""
        stored = read_whole(self.inner, key)
        if self._is_plain(stored):
            allocate(len(stored))[:] = stored
            return
        target = allocate(max(0, len(stored) - OVERHEAD))
        self._keys.decrypt(key, stored, target)

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """See Store."""
        if not target:
            return
        found = read_whole(self, key)
        end = start + len(target)
        if end > len(found):
            msg = f"cannot read bytes {start} to {end} of object {key!r}: it has {len(found)}"
            raise RangeInvalid(msg)
        target[:] = found[start:end]

    def delete(self, key: str) -> None:
        """See Store."""
        self.inner.delete(key)

    def stat(self, key: str) -> ObjectInfo:
        """See Store. The size is that of the stored bytes."""
        return self.inner.stat(key)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See Store. Sizes are those of the stored bytes."""
        return self.inner.list(prefix)

    def _is_plain(self, stored: memoryview) -> bool:
        return self._plain and bytes(stored[: len(MARK)]) != MARK
