"""Confirms a delete when it is recorded on a disk of this machine, and deletes in the background, many at once."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from storage_plugins.config.layers import DelayedDeletionOptions
from storage_plugins.disk.deletions import DeletionJournal
from storage_plugins.disk.folder import OwnedFolder
from storage_plugins.errors import ConfigInvalid, NotFound, Unavailable
from storage_plugins.keys import check_key
from storage_plugins.store import Allocate, Buffer, Layer, ObjectInfo, Store

_log = logging.getLogger(__name__)

SETTING: Final = "StoragePlugins.DelayedDeletion.Path"
_GATHER: Final = 0.5
"""Seconds between two batches, so that one request does for many deletes."""

_FIRST_WAIT: Final = 1.0
_SAY_AGAIN: Final = 60.0


class DelayedDeletionLayer(Layer):
    """A deleted object is not found from the moment of its delete on, wherever its bytes still are."""

    def __init__(self, inner: Store, options: DelayedDeletionOptions) -> None:
        """Takes over what an earlier process has left. Raises ConfigInvalid, AccessDenied."""
        super().__init__(inner)
        self._options = options
        self._owned = OwnedFolder(options.path, SETTING)
        try:
            self._journal = DeletionJournal(options.path)
            self._count, _ = self._journal.summary()
        except sqlite3.DatabaseError as error:
            self._owned.release()
            msg = (
                f"{SETTING}: the record of deletes in {options.path} cannot be read: {error}. Restore it from a "
                "backup, or move it away: the objects that it names then stay in the storage"
            )
            raise ConfigInvalid(msg) from error
        if self._count:
            _log.info("%d deletes of an earlier run are still to be made", self._count)
        self._lock = threading.Lock()
        self._batch: frozenset[str] = frozenset()  # what is being deleted now
        self._batch_done = threading.Condition(self._lock)
        self._deleted = self._failures = 0
        self._journal_failed = False
        self._closed = threading.Event()
        self._wake = threading.Event()
        self._deleter = threading.Thread(target=self._serve, name="storage-delete", daemon=True)
        self._deleter.start()

    def put(self, key: str, data: Buffer) -> None:
        """See Store. Takes back a delete of the same key."""
        self._check_open()
        if self._is_deleted(key):
            with self._batch_done:
                while key in self._batch:
                    self._batch_done.wait()
                with _journal_errors():
                    self._forget([key])
        self.inner.put(key, data)

    def read(self, key: str, allocate: Allocate) -> None:
        """See Store."""
        self._refuse_deleted(key)
        self.inner.read(key, allocate)

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """See Store."""
        self._refuse_deleted(key)
        self.inner.read_range(key, start, target)

    def delete(self, key: str) -> None:
        """See Store. Where it cannot be recorded, the object is deleted at once."""
        self._check_open()
        check_key(key)
        try:
            self._journal.record(key, self._options.keep_for * 3600)
        except sqlite3.Error as error:
            if not self._journal_failed:
                self._journal_failed = True
                _log.error("Cannot record deletes in %s: %s. Objects are deleted at once", self._owned.path, error)
            self.inner.delete(key)
            return
        self._journal_failed = False
        with self._lock:
            self._count += 1
        self._wake.set()

    def stat(self, key: str) -> ObjectInfo:
        """See Store."""
        self._refuse_deleted(key)
        return self.inner.stat(key)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See Store."""
        self._check_open()
        with _journal_errors():  # before the list: they may be gone in the middle of it
            deleted = {deletion.key for deletion in self._journal.all()}
        return (found for found in self.inner.list(prefix) if found.key not in deleted)

    def close(self) -> None:
        """See Store. What is recorded goes on at the next start."""
        if not self._closed.is_set():
            self._closed.set()
            self._wake.set()
            self._deleter.join(5)
            self._journal.close()
            self._owned.release()
            self.inner.close()

    def report(self) -> dict[str, float]:
        """The state, for metrics and tools."""
        try:
            pending, oldest = self._journal.summary()
        except sqlite3.Error:  # the other numbers count all the more
            pending, oldest = self._count, None
        return {
            "pending_objects": pending,
            "oldest_seconds": max(0.0, time.time() - oldest) if oldest else 0.0,
            "deleted_total": self._deleted,
            "failures_total": self._failures,
        }

    def _is_deleted(self, key: str) -> bool:
        # Most of the time nothing is pending, and this costs nothing.
        if self._count == 0:
            return False
        with _journal_errors():
            return key in self._journal

    def _refuse_deleted(self, key: str) -> None:
        self._check_open()
        if self._is_deleted(key):
            msg = f"there is no object {key!r}: it was deleted"
            raise NotFound(msg)

    def _forget(self, keys: Iterable[str]) -> None:
        self._journal.forget(keys)
        self._count, _ = self._journal.summary()

    # --- in the background ---

    def _serve(self) -> None:
        """Deletes until the layer is closed. The body of a thread."""
        waits = 0
        complained_at = -_SAY_AGAIN
        while not self._closed.is_set():
            try:
                if not self._delete_batch():
                    self._wait_for_work()
                waits = 0
            except Exception as error:  # noqa: BLE001 - this thread must go on, and the deletes are recorded
                waits += 1
                self._failures += 1
                if time.monotonic() >= complained_at + _SAY_AGAIN:
                    complained_at = time.monotonic()
                    _log.warning("%s. %d deletes are to be made, trying again", error, self._count)
                self._closed.wait(min(self._options.longest_wait, _FIRST_WAIT * 2.0 ** min(waits, 20)))

    def _wait_for_work(self) -> None:
        next_due = self._journal.next_due()
        # A change of the clock, or of the journal by another process, must not make this wait for days.
        self._wake.wait(60.0 if next_due is None else min(60.0, max(0.0, next_due - time.time())))
        self._wake.clear()
        self._closed.wait(_GATHER)

    def _delete_batch(self) -> bool:
        """False when nothing is due."""
        with self._lock:
            keys = self._journal.due(self._options.batch_size)
            self._batch = frozenset(keys)
        if not keys:
            return False
        try:
            failed = self.inner.delete_many(keys)
            with self._lock:
                self._forget([key for key in keys if key not in failed])
            self._deleted += len(keys) - len(failed)
            if failed:
                self._failures += len(failed)
                self._journal.postpone(failed, self._options.longest_wait)
                _log.warning(
                    "%d objects could not be deleted and are tried again: %s", len(failed), next(iter(failed.values()))
                )
        finally:
            with self._batch_done:
                self._batch = frozenset()
                self._batch_done.notify_all()
        return True

    def _check_open(self) -> None:
        if self._closed.is_set():
            msg = "the store is closed"
            raise Unavailable(msg)


@contextmanager
def _journal_errors() -> Iterator[None]:
    """Turns those of the database into one of a store."""
    try:
        yield
    except sqlite3.Error as error:
        msg = f"{SETTING}: the record of deletes cannot be used: {error}"
        raise Unavailable(msg) from error
