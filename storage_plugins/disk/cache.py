"""Sealed files that may go at any time: at most so many bytes, and what was not used for the longest goes first.

Nothing here is needed, so a disk that is full or fails raises nothing: the log says it once.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import logging
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from storage_plugins.disk import sealed
from storage_plugins.disk.cache_index import INDEX, CacheIndex
from storage_plugins.disk.folder import OwnedFolder
from storage_plugins.disk.sealed import SealedFile
from storage_plugins.errors import Corrupt, from_os_error
from storage_plugins.store import Buffer

_log = logging.getLogger(__name__)

SETTING: Final = "StoragePlugins.Cache.Path"

# Shares of the maximum. What is above the high one is brought down to the low one in the background.
_HIGH_WATER: Final = 0.98
_LOW_WATER: Final = 0.95

# The time of use is the time of the last change of the file. It is not written more often than this, in seconds.
TOUCH_AFTER: Final = 60.0

_PAUSE: Final = 30.0
_BATCH: Final = 500

# Files that are evicted at once. Who finds no room waits for a few of these: a cache of a million files must not make
# anybody wait until a twentieth of them is gone.
_EVICTED_AT_ONCE: Final = 100
_ATTEMPTS: Final = 10

# What says something of the key, and nothing of the disk.
_NO_PLACE: Final = (errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST, errno.ENAMETOOLONG)


class CacheDisk:
    """Files by kind and key, used from many threads."""

    def __init__(self, path: str, maximum: int, kinds: Iterable[str]) -> None:
        """`maximum`: bytes of all files. See OwnedFolder for what is raised."""
        self._maximum = maximum
        self._owned = OwnedFolder(path, SETTING)
        self._folders = {kind: os.path.join(path, kind) for kind in kinds}
        self._incoming = os.path.join(path, "incoming")
        self._numbers = itertools.count()
        try:
            for folder in (self._incoming, *self._folders.values()):
                os.makedirs(folder, mode=0o700, exist_ok=True)
            for name in os.listdir(self._incoming):
                os.unlink(os.path.join(self._incoming, name))
            self._index = CacheIndex(os.path.join(path, INDEX))
            self._complete = self._index.complete
            self._index.set_complete(False)
        except OSError as error:
            self._owned.release()
            raise from_os_error(error, f"{SETTING}: cannot use the cache {path}") from error
        except sqlite3.Error as error:
            self._owned.release()
            raise from_os_error(OSError(errno.EIO, str(error)), f"{SETTING}: cannot use the cache {path}") from error
        self._index_lock = threading.Lock()
        self._lock = threading.Lock()
        self._changes: deque[tuple[str, int | None, float]] = deque()
        self._unindexed = 0  # bytes of files that are being written, and of new ones among the changes
        self._damaged = self._evicted = 0
        self._paused_until = 0.0
        self._failing = False
        self._wake = threading.Event()
        self._closed = False
        self._keeper = threading.Thread(target=self._tend, name="storage-cache", daemon=True)
        self._keeper.start()

    def folder(self, kind: str) -> str:
        """Where the files of a kind are, each with the path of its key."""
        return self._folders[kind]

    def use(self, kind: str, key: str, read: Callable[[SealedFile], None]) -> bool:
        """Calls `read` with the file; False when there is none that is undamaged. Passes on what `read` raises."""
        try:
            with SealedFile(self._path(kind, key)) as file:
                file.expect(key)
                read(file)
                if time.time() - file.modified > TOUCH_AFTER:
                    with contextlib.suppress(OSError):
                        file.touch()
        except FileNotFoundError:
            return False
        except OSError as error:
            self._fails(error)
            return False
        except Corrupt as error:
            with self._lock:
                self._damaged += 1
            _log.warning("A file of the cache is damaged, the object is fetched again: %s", error)
            self.drop(kind, key)
            return False
        return True

    def keep(self, kind: str, key: str, data: Buffer, twin: str = "") -> None:
        """Makes a file, and room for it. Not forced to the disk: after a power cut the seal tells what is whole.

        `twin`: a sealed file of the same object. Where it is on the same filesystem, the bytes are not written again.
        """
        size = len(data)
        if size > self._maximum * _LOW_WATER or time.monotonic() < self._paused_until or self._closed:
            return
        with self._lock:
            self._unindexed += size
        kept = False
        try:
            for _ in range(_ATTEMPTS):
                if not self._too_much() or not self._make_room():
                    break
            kept = not self._too_much() and self._make(kind, key, data, twin)
        finally:
            with self._lock:
                if kept:
                    self._changes.append((f"{kind}/{key}", size, time.time()))
                else:
                    self._unindexed -= size
            self._wake.set()

    def _make(self, kind: str, key: str, data: Buffer, twin: str) -> bool:
        aside = os.path.join(self._incoming, str(next(self._numbers)))
        try:
            if not _link(twin, aside):
                sealed.write(aside, key, data, sync=False)
            try:
                self._rename(aside, self._path(kind, key))
            except BaseException:
                os.unlink(aside)
                raise
        except OSError as error:
            self._fails(error)
            return False
        if self._failing:
            self._failing = False
            _log.warning("The cache can be written again")
        return True

    def drop(self, kind: str, key: str) -> None:
        """Removes a file, if it is there."""
        try:
            os.unlink(self._path(kind, key))
        except FileNotFoundError:
            return
        except OSError as error:
            self._fails(error)
            return
        with self._lock:
            self._changes.append((f"{kind}/{key}", None, 0.0))
        self._wake.set()

    def close(self) -> None:
        """Brings the index up to date."""
        self._closed = True
        self._wake.set()
        self._keeper.join()
        with self._index_lock:
            try:
                self._take_changes()
                self._index.set_complete(self._complete)
            except sqlite3.Error as error:
                _log.warning("The index of the cache was not completed: %s", error)
            self._index.close()
        self._owned.release()

    def report(self) -> dict[str, float]:
        """The state, for metrics and tools."""
        return {
            "bytes": self._index.total + self._unindexed,
            "maximum_bytes": self._maximum,
            "entries": self._index.entries,
            "damaged_total": self._damaged,
            "evicted_total": self._evicted,
            "failing": self._failing,
        }

    def _path(self, kind: str, key: str) -> str:
        return f"{self._folders[kind]}/{key}"

    def _rename(self, aside: str, path: str) -> None:
        try:
            os.rename(aside, path)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            os.rename(aside, path)

    def _fails(self, error: OSError | sqlite3.Error) -> None:
        """Leaves the disk alone for a while, unless the key is to blame."""
        if isinstance(error, OSError) and error.errno in _NO_PLACE:
            return
        self._paused_until = time.monotonic() + _PAUSE
        if not self._failing:
            self._failing = True
            _log.warning("The cache %s cannot be used, objects are fetched each time: %s", self._owned.path, error)

    # --- what is done on the side ---

    def _tend(self) -> None:
        """Keeps the index up to date, and makes room before it is needed. The body of a thread."""
        while not self._closed:
            if not self._complete:
                self._look_around()
            self._wake.wait()
            self._wake.clear()
            above = _HIGH_WATER
            while self._make_room(above) and not self._closed:
                above = _LOW_WATER
                time.sleep(0.005)  # others wait for the index
            time.sleep(0.1)  # many changes at once cost little more than one

    def _too_much(self, share: float = 1) -> bool:
        return bool(self._index.total + self._unindexed > self._maximum * share)

    def _make_room(self, above: float = 1) -> bool:
        """Evicts some files when there is more than this share of the maximum. False when there is not, or nothing."""
        with self._index_lock:
            try:
                self._take_changes()
                return self._too_much(above) and self._evict(int(self._maximum * _LOW_WATER) - self._unindexed)
            except sqlite3.Error as error:
                self._start_anew(error)
                return False

    def _take_changes(self) -> None:
        with self._lock:
            changes = list(self._changes)
            self._changes.clear()
        try:
            if changes:
                self._index.change(changes)
        finally:  # where the index fails, it is written anew from the files
            with self._lock:
                self._unindexed -= sum(size or 0 for _, size, _ in changes)

    def _evict(self, until: int) -> bool:
        """Removes some files, if more than so many bytes are left. A file that was used since is not one of the oldest.

        False when nothing was done.
        """
        oldest = self._index.oldest(_EVICTED_AT_ONCE)
        changes: list[tuple[str, int | None, float]] = []
        freed = 0
        for name, size, used in oldest:
            if self._index.total - freed <= until:
                break
            path = os.path.join(self._owned.path, name)
            try:
                last = os.stat(path).st_mtime
                if last > used + 1:
                    changes.append((name, size, last))
                    continue
                os.unlink(path)
                self._evicted += 1
            except FileNotFoundError:
                pass
            except OSError as error:
                self._fails(error)
                self._index.change(changes)
                return False
            changes.append((name, None, 0.0))
            freed += size
        self._index.change(changes)
        return bool(changes)

    def _start_anew(self, error: sqlite3.Error) -> None:
        """The index is damaged, or its disk fails. What it has missed is looked for."""
        self._complete = False
        if isinstance(error, sqlite3.OperationalError):
            self._fails(error)
            return
        _log.warning("The index of the cache cannot be used: %s. It is written anew", error)
        try:
            self._index.remake()
            self._index.set_complete(False)
        except (sqlite3.Error, OSError) as again:
            self._fails(again if isinstance(again, OSError) else error)
        self._wake.set()

    def _look_around(self) -> None:
        """Takes files into the index that it does not know: Orthanc was killed, or the index was lost."""
        started = time.monotonic()
        found = 0
        try:
            for batch in _batches(self._owned.path, self._folders):
                with self._index_lock:
                    changes = [(name, *_size_and_use(self._owned.path, name)) for name in self._index.unknown(batch)]
                    self._index.change(changes)
                found += len(changes)
                if self._closed:
                    return
        except sqlite3.Error as error:
            with self._index_lock:
                self._start_anew(error)
            return
        except OSError as error:
            self._fails(error)
            self._wake.wait(_PAUSE)
            return
        self._complete = True
        if found:
            _log.info("Took %d files into the index of the cache in %.1f s", found, time.monotonic() - started)
            self._wake.set()


def _link(path: str, to: str) -> bool:
    try:
        os.link(path, to)
    except OSError:
        return False  # none, gone, on another filesystem, or on one without links
    return True


def _batches(root: str, kinds: Iterable[str]) -> Iterable[list[str]]:
    """The names of all files below the folders of the kinds, some hundred at a time."""
    names = (
        os.path.relpath(os.path.join(folder, name), root)
        for kind in kinds
        for folder, _, files in os.walk(os.path.join(root, kind))
        for name in files
    )
    while batch := list(itertools.islice(names, _BATCH)):
        yield batch


def _size_and_use(root: str, name: str) -> tuple[int | None, float]:
    try:
        with SealedFile(os.path.join(root, name)) as file:
            return file.size, file.modified
    except (Corrupt, OSError):
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(root, name))
        return None, 0.0
