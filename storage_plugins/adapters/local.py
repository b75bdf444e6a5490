"""Files below a folder of this machine.

With layout `legacy` and no prefix the folder is the one that Orthanc's own disk storage writes, so an existing one is
adopted as it stands, and Orthanc can go back to it.
"""

from __future__ import annotations

import errno
import itertools
import os
import queue
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import Field

from storage_plugins.backend import Backend
from storage_plugins.config.model import HostPath, Model, orthanc_key
from storage_plugins.disk.folder import sync_folder
from storage_plugins.errors import AccessDenied, Corrupt, NotFound, RangeInvalid, Unavailable, os_errors
from storage_plugins.keys import Layout, check_key
from storage_plugins.store import Allocate, Buffer, Files, ObjectInfo

INCOMING = ".incoming"
"""Folder below the root for files that are still being written, or already removed. Never part of a key."""

SIZE_ATTRIBUTE = "user.orthanc.size"
"""Extended attribute with the size of the file as it was stored, in decimal digits."""

_STALE_SECONDS = 3600.0


class LocalOptions(Model):
    """Options of the backend `local`."""

    path: HostPath = Field(json_schema_extra=orthanc_key("StorageDirectory"))
    """Folder of the files. It is created when it does not exist."""

    sync: bool = Field(json_schema_extra=orthanc_key("SyncStorageArea"))
    """Whether a file and its folder are forced to the disk (fsync) before a write is confirmed. `false` is faster and
    may lose what was confirmed in the last seconds before a power cut."""


class LocalStore(Backend):
    """Durable files: written aside, forced to the disk, renamed, and the folder forced to the disk."""

    Options: ClassVar[type[Model]] = LocalOptions
    layout: ClassVar[Layout] = Layout.LEGACY

    def __init__(self, options: LocalOptions) -> None:
        """Raises AccessDenied when files cannot be written below the folder."""
        self._root = options.path
        self._sync = options.sync
        self._closed = False
        self._incoming = os.path.join(self._root, INCOMING)
        self._aside = f"{self._incoming}/{secrets.token_hex(8)}-"
        self._number = itertools.count()
        self._durable = {self._root}  # folders whose entry in their parent is known to be on the disk
        try:
            os.makedirs(self._incoming, exist_ok=True)
            os.unlink(self._write_aside(b"probe"))
        except OSError as error:
            msg = f"cannot write files below {self._root}: {error.strerror}. Check that it exists and its permissions"
            raise AccessDenied(msg) from error
        self._remove_stale()
        self._removed: queue.Queue[str | None] = queue.Queue()
        self._sweeper = threading.Thread(target=self._sweep, name="storage-sweeper", daemon=True)
        self._sweeper.start()

    def put(self, key: str, data: Buffer) -> None:
        """See Store."""
        path = self._path(key)
        with os_errors("put", key):
            try:
                aside = self._write_aside(data)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                self._removed.join()  # what was deleted just now may be the room that is missing
                aside = self._write_aside(data)
            try:
                self._rename(aside, path)
            except BaseException:
                os.unlink(aside)
                raise
            if self._sync:
                self._sync_folders(os.path.dirname(path))

    def read(self, key: str, allocate: Allocate) -> None:
        """See Store."""
        with os_errors("read", key):
            descriptor = os.open(self._path(key), os.O_RDONLY | os.O_CLOEXEC)
            try:
                _fill(descriptor, allocate(_size(descriptor, key)), 0, key)
            finally:
                os.close(descriptor)

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """See Store."""
        if not target:
            return
        with os_errors("read", key):
            descriptor = os.open(self._path(key), os.O_RDONLY | os.O_CLOEXEC)
            try:
                if start + len(target) > os.fstat(descriptor).st_size:
                    size = _size(descriptor, key)
                    msg = f"cannot read bytes {start} to {start + len(target)} of object {key!r}: it has {size}"
                    raise RangeInvalid(msg)
                _fill(descriptor, target, start, key)
            finally:
                os.close(descriptor)

    def delete(self, key: str) -> None:
        """See Store. Not forced to the disk: after a power cut a deleted file may be there again.

        The file gets a name aside, and its blocks are freed in the background, because Orthanc waits for one delete
        after the other. Folders stay: layout `legacy` has at most 65,792 of them, and the next files need no new ones.
        """
        path = self._path(key)
        aside = self._name_aside()
        with os_errors("delete", key), suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError):
            try:
                os.link(path, aside)
            except FileNotFoundError:
                return
            except OSError:
                aside = ""  # a filesystem without hard links; or a folder, which unlink refuses
            os.unlink(path)
            if aside:
                self._removed.put(aside)

    def files(self) -> Files:
        """See Store."""
        return Files(self._root, SIZE_ATTRIBUTE, self._sync)

    def stat(self, key: str) -> ObjectInfo:
        """See Store."""
        with os_errors("stat", key):
            status = os.stat(self._path(key))
        if not stat.S_ISREG(status.st_mode):
            msg = f"there is no object {key!r}, but a folder"
            raise NotFound(msg)
        return _info(key, status)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See Store. A folder of Orthanc's own also holds the files of its database."""
        self._check_open()
        for folder, folders, files in os.walk(self._root):
            if folder == self._root and INCOMING in folders:
                folders.remove(INCOMING)
            for name in files:
                path = os.path.join(folder, name)
                key = os.path.relpath(path, self._root)
                if key.startswith(prefix):
                    with suppress(FileNotFoundError):  # deleted just now
                        yield _info(key, os.stat(path))

    def close(self) -> None:
        """See Store. Nothing is pending but room to be freed: a put is done when it returns."""
        if not self._closed:
            self._closed = True
            self._removed.put(None)
            self._sweeper.join()

    def _check_open(self) -> None:
        if self._closed:
            msg = f"the store at {self._root} is closed"
            raise Unavailable(msg)

    def _path(self, key: str) -> str:
        self._check_open()
        check_key(key)
        return f"{self._root}/{key}"

    def _name_aside(self) -> str:
        return f"{self._aside}{next(self._number)}"

    def _sweep(self) -> None:
        """Frees what was removed, until the store closes. The body of a thread."""
        while (path := self._removed.get()) is not None:
            # Another process may have taken it for a leftover.
            with suppress(OSError):
                os.unlink(path)
            self._removed.task_done()
        self._removed.task_done()

    def _write_aside(self, data: Buffer) -> str:
        """The path of a new file below the root that holds `data`."""
        path = self._name_aside()
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            with suppress(OSError):  # a filesystem without attributes, or with no room for one
                os.setxattr(descriptor, SIZE_ATTRIBUTE, b"%d" % len(data))
            if self._sync:
                os.fsync(descriptor)
        except BaseException:
            os.unlink(path)
            raise
        finally:
            os.close(descriptor)
        return path

    def _rename(self, aside: str, path: str) -> None:
        try:
            os.rename(aside, path)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.rename(aside, path)

    def _sync_folders(self, folder: str) -> None:
        sync_folder(folder)
        while folder not in self._durable:
            parent = os.path.dirname(folder)
            sync_folder(parent)
            self._durable.add(folder)
            folder = parent

    def _remove_stale(self) -> None:
        """Removes what earlier processes left when they were killed. Another one may be writing beside us."""
        oldest = time.time() - _STALE_SECONDS
        with os.scandir(self._incoming) as entries:
            for entry in entries:
                if entry.stat().st_mtime < oldest:
                    os.unlink(entry.path)


def _size(descriptor: int, key: str) -> int:
    """The size of an open file. Raises Corrupt when it was another one when the file was stored."""
    size = os.fstat(descriptor).st_size
    try:
        stored = int(os.getxattr(descriptor, SIZE_ATTRIBUTE))
    except (OSError, ValueError):
        return size  # written by Orthanc itself, copied without attributes, or a filesystem that has none
    if size != stored:
        msg = f"object {key!r} has {size} bytes, but {stored} were stored: restore it from a backup"
        raise Corrupt(msg)
    return size


def _fill(descriptor: int, target: memoryview, start: int, key: str) -> None:
    rest = target
    while rest:
        count = os.preadv(descriptor, [rest], start)
        if count == 0:
            msg = f"object {key!r} ended {len(rest)} bytes too early"
            raise Corrupt(msg)
        rest = rest[count:]
        start += count


def _info(key: str, status: os.stat_result) -> ObjectInfo:
    return ObjectInfo(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))
