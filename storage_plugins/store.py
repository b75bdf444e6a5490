"""The interface between Orthanc and a medium: the verbs of a store, and what each promises.

A store is used from many threads at once, from the first call to `close`. It is synchronous, because Orthanc's
callbacks are. Every failure is a `StoreError` that says what to do (see `errors`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self, TypeAlias

from storage_plugins.errors import Corrupt, StoreError

Buffer: TypeAlias = memoryview | bytes
"""Stored bytes on their way in. The memory belongs to the caller and is valid only during the call."""

Allocate: TypeAlias = Callable[[int], memoryview]
"""Gives writable memory of the asked size in bytes. May raise MemoryError. To be called once per read."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One stored object, for tools. `modified` is in UTC; None where the medium does not tell."""

    key: str
    size: int
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Files:
    """A folder of this machine in which the object of a key is the file of that name, whole from the first moment."""

    folder: str

    size_attribute: str
    """Extended attribute with the size of the file as it was stored, in decimal digits. A file may lack it."""

    sync: bool
    """Whether a new file, its name and new folders above it are forced to the disk."""


@dataclass(frozen=True, slots=True)
class SealedFiles:
    """A folder of this machine in which the object of a key may be the sealed file of that name, for reading."""

    folder: str

    served: Callable[[int], None]
    """To be told, now and then, how many reads there were."""


class OnceAllocated:
    """An Allocate that may be called for each attempt to read, but asks the one behind it only once."""

    def __init__(self, key: str, allocate: Allocate) -> None:
        self._key = key
        self._allocate = allocate
        self.memory: memoryview | None = None
        self.size = 0

    def __call__(self, size: int) -> memoryview:
        """Raises Corrupt when another size is asked for than before."""
        if self.memory is None:
            self.memory = self._allocate(size)
            self.size = size
        if size != self.size:
            msg = f"object {self._key!r} had {self.size} bytes a moment ago, and now {size}"
            raise Corrupt(msg)
        return self.memory


class Store(ABC):
    """Objects by key. An object is written once and never changed, so it may be cached by its key."""

    @abstractmethod
    def put(self, key: str, data: Buffer) -> None:
        """Stores `data` under `key`.

        On return the object is durable and whole; it is never visible in part. Safe to repeat: an object that exists
        is replaced. Raises StorageFull, AccessDenied, KeyInvalid, Unavailable.
        """

    @abstractmethod
    def read(self, key: str, allocate: Allocate) -> None:
        """Reads a whole object into memory that `allocate` gives.

        Calls `allocate` once, with the size learned from the same answer as the bytes, and fills it. Raises NotFound;
        Corrupt when the bytes end too early; Unavailable.
        """

    @abstractmethod
    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """Fills `target` with the bytes of the object from offset `start`.

        Fills it exactly or raises: RangeInvalid when the range ends past the end of the object, NotFound, Corrupt,
        Unavailable. An empty target is always filled, without asking the medium.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """Removes an object. One that does not exist is not an error. Raises AccessDenied, Unavailable."""

    def delete_many(self, keys: Sequence[str]) -> dict[str, StoreError]:
        """Removes objects, with fewer requests than one for each where the medium can.

        Returns why it could not remove those that are still there. Raises what befalls all of them: then some may be
        gone, and the call is safe to repeat.
        """
        failed = {}
        for key in keys:
            try:
                self.delete(key)
            except StoreError as error:
                if error.retryable:
                    raise
                failed[key] = error
        return failed

    def files(self) -> Files | SealedFiles | None:
        """Where Orthanc's own threads may write and read files instead of calling `put` and `read`; None: nowhere.

        Only new files are written there, and only whole. What does not go well, they ask of the store, which tells why.
        """
        return None

    @abstractmethod
    def stat(self, key: str) -> ObjectInfo:
        """Describes an object, for tools: never called on the way of a read. Raises NotFound."""

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """All objects whose key starts with `prefix`, in any order, for tools."""

    @abstractmethod
    def close(self) -> None:
        """Ends the store. What was accepted is safe; later calls raise Unavailable. May be called again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Layer(Store):
    """A store that holds a store and changes one concern of it.

    A layer writes every verb out: what is not forwarded by hand is not there, so that a verb that is added later
    cannot slip past a layer that must see it.
    """

    def __init__(self, inner: Store) -> None:
        self.inner = inner

    def close(self) -> None:
        """Closes the store below."""
        self.inner.close()


def read_whole(store: Store, key: str) -> memoryview:
    """An object in memory of its own."""
    found = memoryview(b"")

    def allocate(size: int) -> memoryview:
        nonlocal found
        found = memoryview(bytearray(size))
        return found

    store.read(key, allocate)
    return found
