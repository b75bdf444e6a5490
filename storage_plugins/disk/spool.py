"""Objects on a disk of this machine that wait to be uploaded: one sealed file each, named by the order of arrival.

    pending/000000000000002a         an object that is to be uploaded
    pending/000000000000002a.gone    one that was removed, and may have reached the storage: to be deleted there
    incoming/                        files that are still being written: nothing that was confirmed
    damaged/                         what cannot be uploaded because the disk has changed it

There is no index that could be lost: the names and the seals are all.
"""

from __future__ import annotations

import errno
import itertools
import logging
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from storage_plugins.disk import sealed
from storage_plugins.disk.folder import OwnedFolder, sync_folder
from storage_plugins.disk.sealed import SealedFile
from storage_plugins.errors import Corrupt
from storage_plugins.store import Buffer, ObjectInfo

_log = logging.getLogger(__name__)

_NAME = re.compile(r"([0-9a-f]{16})(\.gone)?")
_GONE = ".gone"
_UNREADABLE = (errno.EIO, errno.EUCLEAN)  # of one file, and not of the folder


@dataclass(slots=True, eq=False)
class Entry:
    """One object of the spool."""

    number: int
    key: str
    size: int
    since: float
    """When it was confirmed, in seconds of the clock on the wall."""

    attempted: bool
    """Whether an upload was begun: then it may be in the storage, whatever came back."""

    removed: bool = False
    """Whether it is to be deleted in the storage, instead of uploaded."""

    failed: bool = False
    """Whether the storage has not answered an attempt."""

    busy: bool = False
    """Whether somebody works on it now."""

    uploaded: bool = False
    """Whether the storage has it, so that only its file is left to be removed."""

    settled: bool = False
    """Whether there is nothing left to do for it."""

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.number:016x}{_GONE if self.removed else ''}"

    @property
    def info(self) -> ObjectInfo:
        """The object as a store describes it."""
        return ObjectInfo(self.key, self.size, datetime.fromtimestamp(self.since, UTC))


class Spool:
    """The files. Who calls must take care that nobody else works on the same entry."""

    def __init__(self, path: str, setting: str) -> None:
        """See OwnedFolder. What was not confirmed is removed."""
        self._owned = OwnedFolder(path, setting)
        self._pending, self._damaged = pending_folder(path), damaged_folder(path)
        self._incoming = os.path.join(path, "incoming")
        for folder in (self._pending, self._incoming, self._damaged):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        sync_folder(path)
        for name in os.listdir(self._incoming):
            os.unlink(os.path.join(self._incoming, name))
        used = map(_number, os.listdir(self._pending) + os.listdir(self._damaged))
        self._numbers = itertools.count(max(used, default=0) + 1)
        self._names_unsynced = False
        self._lock = threading.Lock()

    def entries(self) -> Iterator[Entry]:
        """What an earlier process has left, in the order of its arrival. What is damaged is put aside."""
        for entry in scan(self._pending):
            if isinstance(entry, Entry):
                yield entry
            else:
                self._set_aside(entry.name, str(entry.reason))

    def add(self, key: str, data: Buffer) -> Entry:
        """A new object, on the disk and whole when this returns. Raises OSError."""
        number = next(self._numbers)
        aside = os.path.join(self._incoming, f"{number:016x}")
        sealed.write(aside, key, data, sync=True)
        path = os.path.join(self._pending, f"{number:016x}")
        try:
            os.rename(aside, path)
        except BaseException:
            os.unlink(aside)
            raise
        try:
            sync_folder(self._pending)
        except BaseException:
            os.unlink(path)
            raise
        return Entry(number, key, len(data), time.time(), attempted=False)

    def open(self, entry: Entry) -> SealedFile:
        """Its file. Raises OSError, Corrupt."""
        file = SealedFile(self.path(entry))
        try:
            file.expect(entry.key)
        except BaseException:
            file.close()
            raise
        return file

    def path(self, entry: Entry) -> str:
        """Of its file."""
        return os.path.join(self._pending, entry.name)

    def drop(self, entry: Entry) -> None:
        """Removes an entry. Raises OSError. After a power cut it may be there again, unless `sync` was called."""
        os.unlink(self.path(entry))
        self._names_unsynced = True

    def mark_removed(self, entry: Entry) -> None:
        """From now on it is to be deleted in the storage. See `drop` for a power cut."""
        before = self.path(entry)
        entry.removed = True
        try:
            os.rename(before, self.path(entry))
        except BaseException:
            entry.removed = False
            raise
        self._names_unsynced = True

    def sync(self) -> None:
        """Forces to the disk what was dropped and marked. Raises OSError."""
        with self._lock:
            if self._names_unsynced:
                self._names_unsynced = False
                try:
                    sync_folder(self._pending)
                except BaseException:
                    self._names_unsynced = True
                    raise

    def set_aside(self, entry: Entry, reason: str) -> None:
        """Puts a damaged file where nobody tries to upload it."""
        self._set_aside(entry.name, reason)

    def damaged(self) -> int:
        """How many files were put aside."""
        return len(os.listdir(self._damaged))

    def close(self) -> None:
        """Gives the folder back."""
        self._owned.release()

    def _set_aside(self, name: str, reason: str) -> None:
        to = os.path.join(self._damaged, name)
        os.rename(os.path.join(self._pending, name), to)
        _log.error("An object that was not yet uploaded is damaged: %s. It was moved to %s", reason, to)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file of the spool that is no entry."""

    name: str
    reason: Exception


def scan(pending: str) -> Iterator[Entry | Unreadable]:
    """The entries in a folder `pending`, in the order of their arrival. Another process may be working there."""
    for name in sorted(os.listdir(pending)):
        found = _NAME.fullmatch(name)
        if found is None:
            continue
        try:
            with SealedFile(os.path.join(pending, name)) as file:
                yield Entry(
                    int(found[1], 16), file.key, file.size, file.modified, attempted=True, removed=bool(found[2])
                )
        except FileNotFoundError:
            continue
        except Corrupt as error:
            yield Unreadable(name, error)
        except OSError as error:
            if error.errno not in _UNREADABLE:
                raise
            yield Unreadable(name, error)


def pending_folder(path: str) -> str:
    """Where `scan` finds the entries of the spool at `path`."""
    return os.path.join(path, "pending")


def damaged_folder(path: str) -> str:
    """Where the spool at `path` puts damaged files aside."""
    return os.path.join(path, "damaged")


def _number(name: str) -> int:
    found = _NAME.fullmatch(name)
    return int(found[1], 16) if found else 0
