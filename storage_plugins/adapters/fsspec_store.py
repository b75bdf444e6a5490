"""Any filesystem that fsspec knows, by its URL.

How durable a write is, and how fast, is the filesystem's affair; that it is never visible in part is ours.
"""

from __future__ import annotations

import itertools
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

import fsspec
from fsspec.asyn import AsyncFileSystem
from pydantic import Field

from storage_plugins.backend import Backend
from storage_plugins.config.model import Model
from storage_plugins.errors import (
    ConfigInvalid,
    Corrupt,
    NotFound,
    RangeInvalid,
    StoreError,
    Unavailable,
    from_os_error,
)
from storage_plugins.keys import check_key
from storage_plugins.store import Allocate, Buffer, ObjectInfo

INCOMING = ".incoming"
"""Folder below the root for files that are still being written, where the filesystem shows files in part."""

# Object stores show an object when it is complete, and not before.
_SHOWS_WHOLE_FILES = {"memory", "s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "oss", "obs"}
_ATTEMPTS = 10
_THREAD_SAFE = {"memory", "file", "local"}


class FsspecOptions(Model):
    """Options of the backend `fsspec`."""

    url: str = Field(repr=False)
    """Folder of the files as an fsspec URL, for instance `sftp://user@host/archive`."""

    storage_options: dict[str, Any] = Field(default={}, repr=False)
    """Arguments of the filesystem, as its documentation names them, for instance `{"password": "..."}`."""

    rename: bool | None = None
    """Whether a file is written under another name and then renamed, so that it is never visible in part. By default
    what the filesystem needs: no for object stores, yes for all others."""


class FsspecStore(Backend):
    """Objects as files of an fsspec filesystem: one call of it per verb, two where a write needs a rename."""

    Options: ClassVar[type[Model]] = FsspecOptions
    remote: ClassVar[bool] = True  # most of them are

    def __init__(self, options: FsspecOptions) -> None:
        """Raises ConfigInvalid when no filesystem can be made of the options, Unavailable when it does not answer."""
        self._options = options
        self._secrets = _secrets(options)
        self._local = threading.local()
        self._closed = False
        protocol = urlsplit(options.url).scheme
        if not protocol:
            msg = 'the Url of the backend "fsspec" must start with a protocol, for instance sftp:// or memory://'
            raise ConfigInvalid(msg)
        with self._errors("open", options.url):
            first = self._connect()
        # Other filesystems hold one connection that two threads must not use at once.
        self._shared = first if isinstance(first, AsyncFileSystem) or protocol in _THREAD_SAFE else None
        self._local.filesystem = first
        self._rename = protocol not in _SHOWS_WHOLE_FILES if options.rename is None else options.rename
        self._aside = f"{INCOMING}/{secrets.token_hex(8)}-"
        self._number = itertools.count()

    def put(self, key: str, data: Buffer) -> None:
        """See Store."""
        path = self._path(key)
        content = bytes(data)  # a filesystem may write from another thread
        with self._errors("put", key):
            if not self._rename:
                self._in_folder(path, lambda: self._filesystem.pipe_file(path, content))
                return
            aside = self._at(f"{self._aside}{next(self._number)}")
            self._in_folder(aside, lambda: self._filesystem.pipe_file(aside, content))
            try:
                self._in_folder(path, lambda: self._filesystem.mv(aside, path))
            except BaseException:
                self._filesystem.rm_file(aside)
                raise

    def read(self, key: str, allocate: Allocate) -> None:
        """See Store."""
        path = self._path(key)
        with self._errors("read", key):
            try:
                data = self._filesystem.cat_file(path)
            except OSError as error:
                self._check_file(key, path, error)
                raise
        allocate(len(data))[:] = data

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """See Store."""
        if not target:
            return
        path = self._path(key)
        end = start + len(target)
        with self._errors("read", key):
            try:
                data = self._filesystem.cat_file(path, start=start, end=end)
            except Exception as error:
                self._check_file(key, path, error)
                self._check_range(key, path, end, error)
                raise
            if len(data) != len(target):
                self._check_range(key, path, end, None)
                msg = f"object {key!r} gave {len(data)} bytes from offset {start} instead of {len(target)}"
                raise Corrupt(msg)
        target[:] = data

    def delete(self, key: str) -> None:
        """See Store."""
        path = self._path(key)
        with self._errors("delete", key):
            try:
                self._filesystem.rm_file(path)
            except Exception as error:
                with suppress(NotFound):
                    self._check_file(key, path, error)
                    raise

    def stat(self, key: str) -> ObjectInfo:
        """See Store."""
        path = self._path(key)
        with self._errors("stat", key):
            self._filesystem.invalidate_cache()
            info = self._filesystem.info(path)
        if info["type"] != "file":
            msg = f"there is no object {key!r}, but a folder"
            raise NotFound(msg)
        return _info(key, info)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See Store."""
        self._check_open()
        root = self._at("")
        with self._errors("list", prefix):
            self._filesystem.invalidate_cache()
            found = self._filesystem.find(root.rstrip("/"), detail=True)
        for path, info in found.items():
            key = path.removeprefix(root)
            if key.startswith(prefix) and not key.startswith(f"{INCOMING}/"):
                yield _info(key, info)

    def close(self) -> None:
        """See Store. fsspec has no close of its own: connections end with their filesystems."""
        self._closed = True
        self._shared = None
        self._local = threading.local()

    @property
    def _filesystem(self) -> Any:
        self._check_open()
        if self._shared is not None:
            return self._shared
        if not hasattr(self._local, "filesystem"):
            self._local.filesystem = self._connect()
        return self._local.filesystem

    def _connect(self) -> Any:
        filesystem, self._root = fsspec.core.url_to_fs(
            self._options.url, skip_instance_cache=True, **self._options.storage_options
        )
        return filesystem

    def _check_open(self) -> None:
        if self._closed:
            msg = "the store is closed"
            raise Unavailable(msg)

    def _path(self, key: str) -> str:
        self._check_open()
        check_key(key)
        return self._at(key)

    def _at(self, key: str) -> str:
        return f"{self._root.rstrip('/')}/{key}"

    def _in_folder(self, path: str, call: Callable[[], Any]) -> Any:
        """Makes the call; when the folder of `path` is not there, creates it and makes the call again."""
        for _ in range(_ATTEMPTS):
            try:
                return call()
            except FileNotFoundError:
                # Another thread may be creating the same folders; whether they are there, the next call will tell.
                with suppress(OSError):
                    self._filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
        return call()

    def _check_file(self, key: str, path: str, cause: Exception) -> None:
        """Raises NotFound when there is no file. Filesystems do not agree on an error for a folder."""
        if isinstance(cause, FileNotFoundError) or not self._filesystem.isfile(path):
            msg = f"there is no object {key!r}"
            raise NotFound(msg) from cause

    def _check_range(self, key: str, path: str, end: int, cause: Exception | None) -> None:
        """Raises RangeInvalid when the file is too short. Filesystems do not agree on an error for that either."""
        size = self._filesystem.size(path)
        if size is not None and end > size:
            msg = f"cannot read up to byte {end} of object {key!r}: it has {size}"
            raise RangeInvalid(msg) from cause

    @contextmanager
    def _errors(self, verb: str, key: str) -> Iterator[None]:
        """Turns whatever a filesystem raises into a StoreError without secrets in it."""
        subject = self._redact(f"cannot {verb} {key!r}")
        try:
            yield
        except (StoreError, MemoryError):
            raise
        except OSError as error:
            raise type(found := from_os_error(error, subject))(self._redact(str(found))) from None
        except (ImportError, ValueError, TypeError) as error:
            kind = ConfigInvalid if verb == "open" else Unavailable
            raise kind(f"{subject}: {self._redact(str(error))}") from None
        except Exception as error:  # noqa: BLE001 - a filesystem may raise anything
            raise Unavailable(f"{subject}: {type(error).__name__}: {self._redact(str(error))}") from None

    def _redact(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _secrets(options: FsspecOptions) -> list[str]:
    """What must not appear in a message: the password of the URL, and any text in the storage options."""
    found = [urlsplit(options.url).password or ""]
    pending: list[Any] = [options.storage_options]
    while pending:
        match pending.pop():
            case dict() as value:
                pending.extend(value.values())
            case [*values]:
                pending.extend(values)
            case str() as value:
                found.append(value)
    return [secret for secret in found if len(secret) > 3]


def _info(key: str, info: dict[str, Any]) -> ObjectInfo:
    modified = next((info[name] for name in ("mtime", "modified", "LastModified", "created") if info.get(name)), None)
    if isinstance(modified, int | float):
        modified = datetime.fromtimestamp(modified, UTC)
    return ObjectInfo(key, int(info["size"] or 0), modified if isinstance(modified, datetime) else None)
