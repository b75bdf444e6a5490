"""Refuses whatever changes the medium."""

from __future__ import annotations

from collections.abc import Iterator

from storage_plugins.errors import AccessDenied
from storage_plugins.store import Allocate, Buffer, Layer, ObjectInfo


class ReadOnlyLayer(Layer):
    """For an Orthanc that must not change its archive. From 1.12.5 on Orthanc refuses by itself; older ones ask."""

    def put(self, key: str, data: Buffer) -> None:  # noqa: ARG002
        """Refused."""
        msg = f"object {key!r} cannot be written: ReadOnly is set in Orthanc's configuration"
        raise AccessDenied(msg)

    def read(self, key: str, allocate: Allocate) -> None:
        """See Store."""
        self.inner.read(key, allocate)

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """See Store."""
        self.inner.read_range(key, start, target)

    def delete(self, key: str) -> None:
        """Refused."""
        msg = f"object {key!r} cannot be deleted: ReadOnly is set in Orthanc's configuration"
        raise AccessDenied(msg)

    def stat(self, key: str) -> ObjectInfo:
        """See Store."""
        return self.inner.stat(key)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See Store."""
        return self.inner.list(prefix)
