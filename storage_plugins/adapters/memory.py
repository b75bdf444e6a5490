"""A store in memory: the reference of the contract, and a base to measure the bridge on. It keeps nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import ClassVar

from storage_plugins.backend import Backend
from storage_plugins.config.model import Model
from storage_plugins.errors import NotFound, RangeInvalid, Unavailable
from storage_plugins.keys import check_key
from storage_plugins.store import Allocate, Buffer, ObjectInfo


class MemoryOptions(Model):
    """No options."""


class MemoryStore(Backend):
    """Objects in a dictionary. Lost when Orthanc stops: for tests only."""

    Options: ClassVar[type[Model]] = MemoryOptions

    def __init__(self, options: MemoryOptions) -> None:
        self.options = options
        self._objects: dict[str, tuple[bytes, datetime]] | None = {}

    def put(self, key: str, data: Buffer) -> None:
        """See Store."""
        check_key(key)
        self._open()[key] = (bytes(data), datetime.now(UTC))

    def read(self, key: str, allocate: Allocate) -> None:
        """See Store."""
        data = self._get(key)
        allocate(len(data))[:] = data

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """See Store."""
        if not target:
            return
        data = self._get(key)
        if start + len(target) > len(data):
            msg = f"bytes {start} to {start + len(target)} of object {key!r}, which has {len(data)}"
            raise RangeInvalid(msg)
        target[:] = data[start : start + len(target)]

    def delete(self, key: str) -> None:
        """See Store."""
        check_key(key)
        self._open().pop(key, None)

    def stat(self, key: str) -> ObjectInfo:
        """See Store."""
        self._get(key)
        data, modified = self._open()[key]
        return ObjectInfo(key, len(data), modified)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See Store."""
        for key, (data, modified) in list(self._open().items()):
            if key.startswith(prefix):
                yield ObjectInfo(key, len(data), modified)

    def close(self) -> None:
        """Forgets everything."""
        self._objects = None

    def _open(self) -> dict[str, tuple[bytes, datetime]]:
        if self._objects is None:
            msg = "the store is closed"
            raise Unavailable(msg)
        return self._objects

    def _get(self, key: str) -> bytes:
        check_key(key)
        try:
            return self._open()[key][0]
        except KeyError:
            msg = f"there is no object {key!r} in memory"
            raise NotFound(msg) from None
