"""What all filesystems for object storage have in common.

Each is a plain fsspec filesystem over one bucket. Beside fsspec's verbs are the ones that the storage area calls: they
cost one request, work on the caller's memory, and tell a failure as facts, so that one table per cloud can judge it.
"""

from __future__ import annotations

import base64
import io
from abc import ABC, ABCMeta, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

import crc32c
from fsspec import AbstractFileSystem

CHECKSUM: Final = "crc32c"
"""User metadata of every object that we write: CRC32C of its bytes, big-endian, in base64, as the clouds write it."""


def checksum(data: memoryview | bytes) -> str:
    """See CHECKSUM."""
    return base64.b64encode(crc32c.crc32c(data).to_bytes(4, "big")).decode()


def md5_of_etag(etag: str) -> str:
    """The MD5 that an ETag is, "" when it is something else: that of an upload in parts has a dash in it."""
    text = etag.strip('"')
    return text if len(text) == 32 and "-" not in text else ""


def range_header(start: int, end: int | None) -> str:
    """The HTTP header Range for the bytes from `start` to before `end`; None: to the end of the object."""
    return f"bytes={start}-{'' if end is None else end - 1}"


def span(length: int, content_range: str | None) -> tuple[int, int, int]:
    """Size of the whole object, start and end of the body, from the headers Content-Length and Content-Range."""
    if not content_range:
        return length, 0, length
    part, _, total = content_range.removeprefix("bytes ").partition("/")  # bytes 0-99/1234
    start = int(part.partition("-")[0])
    return int(total), start, start + length


def seconds(retry_after: str) -> float | None:
    """The header Retry-After, where it is a number; a date is passed over."""
    return float(retry_after) if retry_after.isdigit() else None


SMALLEST_PART: Final = 5 << 20
"""What S3 and Google take as a part of an upload, but for the last one."""


def even_part(size: int, largest: int, parallel: int, smallest: int = 1) -> int:
    """How large the parts of an object are, in bytes: as many as fill `parallel` streams the same number of times.

    None is larger than `largest`, and none smaller than `smallest` but the last one.
    """
    count = -(-size // largest)
    if count > parallel:
        count = -(-count // parallel) * parallel
    return max(smallest, -(-size // max(1, count)))


def batches(paths: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    """The paths in groups of `most`."""
    for at in range(0, len(paths), most):
        yield paths[at : at + most]


def read_into(file: Any, target: memoryview) -> int:
    """Fills `target` from a file-like object, until either ends. Returns how many bytes came."""
    filled = 0
    while filled < len(target) and (count := file.readinto(target[filled:])):
        filled += count
    return filled


class MemoryFile(io.RawIOBase):
    """A file over the caller's memory, for libraries that want one: nothing is copied before it is read."""

    def __init__(self, data: memoryview | bytes) -> None:
        self._data = memoryview(data)
        self._at = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, target: Any) -> int:
        """See io.RawIOBase."""
        part = self._data[self._at : self._at + len(target)]
        memoryview(target)[: len(part)] = part
        self._at += len(part)
        return len(part)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See io.IOBase."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._data)}[whence]
        return self._at

    def tell(self) -> int:
        """See io.IOBase."""
        return self._at


@dataclass(frozen=True, slots=True)
class Settings:
    """What every engine needs to know and no cloud decides. Times in seconds, sizes in bytes."""

    connection_timeout: float
    request_timeout: float
    """For one request, from its start to the last byte of its answer. It moves `part_size` bytes at most."""

    connections: int
    part_size: int
    parallel: int
    proxy: str = ""
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """What is known of a request that failed."""

    status: int
    """Of the HTTP answer; 0 when there was none."""

    code: str
    """The provider's own name for it, such as NoSuchKey. Without an answer: connect, timeout, interrupted or ""."""

    message: str
    retry_after: float | None = None
    """Seconds that the server asks to wait."""


@dataclass(frozen=True, slots=True)
class Description:
    """One object as a listing or a HEAD tells it."""

    path: str
    size: int
    modified: datetime | None


class Answer(ABC):
    """The answer to a GET whose body is still on its way. The texts are "" where there is nothing to tell."""

    start: int
    end: int
    """The range that the body holds: offset of its first byte, and of the first one after it."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Of the whole object."""

    @property
    @abstractmethod
    def etag(self) -> str:
        """Of the object, for `get_object`."""

    @property
    @abstractmethod
    def checksum(self) -> str:
        """See CHECKSUM. Of the whole object, also in the answer to a range."""

    @property
    @abstractmethod
    def md5(self) -> str:
        """MD5 of the whole object in hexadecimal digits, where the provider tells it."""

    @abstractmethod
    def fill(self, target: memoryview) -> int:
        """Reads the body into `target`, from its start, until either ends. Returns how many bytes came."""

    @abstractmethod
    def close(self) -> None:
        """Gives the connection back, or drops it when the body has not been read to its end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class KnownAnswer(Answer):
    """An answer whose head was read at once."""

    size: int = 0
    etag: str = ""
    checksum: str = ""
    md5: str = ""

    def __init__(self, size: int, start: int, end: int, etag: str, checksum: str, md5: str = "") -> None:
        self.size, self.start, self.end = size, start, end
        self.etag, self.checksum, self.md5 = etag, checksum, md5


class _Meta(type(AbstractFileSystem), ABCMeta):  # type: ignore[misc]
    """fsspec's classes have a metaclass of their own, which knows no abstract methods."""


class ObjectFileSystem(AbstractFileSystem, metaclass=_Meta):  # type: ignore[misc]
    """An fsspec filesystem over one bucket. Paths are keys, without the bucket and without a leading slash."""

    cachable = False

    @abstractmethod
    def put_object(self, path: str, data: memoryview | bytes, checksum: str) -> None:
        """Writes an object and its checksum: one PUT, or parts in parallel when it is larger than a part.

        Parts of an upload that fails are removed.
        """

    @abstractmethod
    def get_object(self, path: str, start: int | None = None, end: int | None = None, etag: str = "") -> Answer:
        """One GET, of a range when there is a start. `etag`: fails unless it is still the object's."""

    @abstractmethod
    def delete_object(self, path: str) -> None:
        """One DELETE. Without an object it may fail with status 404, or not."""

    @abstractmethod
    def delete_objects(self, paths: Sequence[str]) -> None:
        """Several DELETEs, in few requests where the cloud can. Fails when one of them fails."""

    @abstractmethod
    def describe_object(self, path: str) -> Description:
        """One HEAD."""

    @abstractmethod
    def list_objects(self, prefix: str) -> Iterator[Description]:
        """Pages through all objects whose path starts with `prefix`."""

    @abstractmethod
    def failure(self, error: Exception) -> Failure | None:
        """What an error of the engine means. None: it is not one of the engine's."""

    def close(self) -> None:
        """Gives up the connections."""

    # --- fsspec's own verbs ---

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        """See fsspec."""
        if mode == "create" and self.exists(path):
            raise FileExistsError(path)
        with self._os_errors(path):
            self.put_object(self._strip_protocol(path), value, checksum(value))

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        """See fsspec."""
        if (start or 0) < 0 or (end or 0) < 0:
            size = self.info(path)["size"]
            start, end = (value + size if value is not None and value < 0 else value for value in (start, end))
        ranged = start is not None or end is not None
        with (
            self._os_errors(path),
            self.get_object(self._strip_protocol(path), (start or 0) if ranged else None, end) as answer,
        ):
            data = bytearray(answer.end - answer.start)
            if answer.fill(memoryview(data)) != len(data):
                raise OSError(f"{path} ended too early")
        return bytes(data)

    def rm_file(self, path: str) -> None:
        """See fsspec."""
        with self._os_errors(path):
            self.delete_object(self._strip_protocol(path))

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """See fsspec."""
        path = self._strip_protocol(path)
        try:
            with self._os_errors(path):
                return _entry(self.describe_object(path))
        except FileNotFoundError:
            if next(iter(self.list_objects(f"{path}/" if path else "")), None) is None:
                raise
            return {"name": path, "size": 0, "type": "directory"}

    def find(self, path: str, maxdepth: int | None = None, withdirs: bool = False, **more: Any) -> Any:
        """See fsspec."""
        if maxdepth is not None or withdirs:
            return super().find(path, maxdepth=maxdepth, withdirs=withdirs, **more)
        path = self._strip_protocol(path)
        with self._os_errors(path):
            found = {object_.path: _entry(object_) for object_ in self.list_objects(f"{path}/" if path else "")}
        return found if more.get("detail") else sorted(found)

    def ls(self, path: str, detail: bool = True, **_: Any) -> Any:
        """See fsspec."""
        path = self._strip_protocol(path)
        start = len(path) + 1 if path else 0
        entries: dict[str, dict[str, Any]] = {}
        for name, entry in self.find(path, detail=True).items():
            rest = name[start:]
            if "/" in rest:
                folder = name[: start + rest.index("/")]
                entries.setdefault(folder, {"name": folder, "size": 0, "type": "directory"})
            else:
                entries[name] = entry
        if not entries:
            entries[path] = self.info(path)
        return list(entries.values()) if detail else sorted(entries)

    @contextmanager
    def _os_errors(self, path: str) -> Iterator[None]:
        """What fsspec promises: OSErrors."""
        try:
            yield
        except OSError:
            raise
        except Exception as error:
            match self.failure(error):
                case None:
                    raise
                case Failure(404):
                    raise FileNotFoundError(path) from error
                case Failure(401 | 403):
                    raise PermissionError(path) from error
                case failure:
                    raise OSError(f"{path}: {failure.message}") from error


def _entry(described: Description) -> dict[str, Any]:
    return {
        "name": described.path,
        "size": described.size,
        "type": "file",
        "LastModified": described.modified,
    }
