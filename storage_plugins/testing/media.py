"""Side doors: the medium of a store, reached without the store, so that a store cannot agree with itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from storage_plugins.errors import NotFound
from storage_plugins.store import Store


class Medium(Protocol):
    """Objects by key, as the medium itself holds them."""

    def read(self, key: str) -> bytes | None:
        """The bytes of an object, None when there is none."""

    def write(self, key: str, data: bytes) -> None:
        """Puts an object there as another program would."""

    def keys(self) -> set[str]:
        """The keys of everything that is visible under a final name."""


class FolderMedium:
    """A folder of this machine, through pathlib. `hidden`: folders at its top that hold no objects."""

    def __init__(self, root: Path, hidden: tuple[str, ...] = ()) -> None:
        self._root = root
        self._hidden = hidden

    def read(self, key: str) -> bytes | None:
        """See Medium."""
        path = self._root / key
        return path.read_bytes() if path.is_file() else None

    def write(self, key: str, data: bytes) -> None:
        """See Medium."""
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # another program replaces a file, it does not write into ours
        path.write_bytes(data)

    def keys(self) -> set[str]:
        """See Medium."""
        files = (path.relative_to(self._root) for path in self._root.rglob("*") if path.is_file())
        return {path.as_posix() for path in files if path.parts[0] not in self._hidden}


class FsspecMedium:
    """A folder of an fsspec filesystem of one's own."""

    def __init__(self, filesystem: Any, root: str) -> None:
        self._filesystem = filesystem
        self._root = root.rstrip("/")

    def read(self, key: str) -> bytes | None:
        """See Medium."""
        try:
            return bytes(self._filesystem.cat_file(f"{self._root}/{key}"))
        except FileNotFoundError:
            return None

    def write(self, key: str, data: bytes) -> None:
        """See Medium."""
        path = f"{self._root}/{key}"
        self._filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._filesystem.pipe_file(path, data)

    def keys(self) -> set[str]:
        """See Medium."""
        return {path.removeprefix(f"{self._root}/") for path in self._filesystem.find(self._root)}


class StoreMedium:
    """A second store on the same medium: weaker than a side door, but there for every backend.

    `prefix`: what does not start with it is nobody's business.
    """

    def __init__(self, store: Store, prefix: str = "") -> None:
        self._store = store
        self._prefix = prefix

    def read(self, key: str) -> bytes | None:
        """See Medium."""
        try:
            return read(self._store, key)
        except NotFound:
            return None

    def write(self, key: str, data: bytes) -> None:
        """See Medium."""
        self._store.put(key, data)

    def keys(self) -> set[str]:
        """See Medium."""
        return {info.key for info in self._store.list(self._prefix)}


def read(store: Store, key: str) -> bytes:
    """A whole object as bytes."""
    found = bytearray()

    def allocate(size: int) -> memoryview:
        found.extend(bytes(size))
        return memoryview(found)

    store.read(key, allocate)
    return bytes(found)
