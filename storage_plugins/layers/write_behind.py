"""Confirms a write when the object is on a disk of this machine, and uploads it in the background.

What is confirmed lies in the spool until the storage has confirmed it in turn. Uploads begin in the order of arrival
and are tried until they succeed.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from storage_plugins.config.layers import WriteBehindOptions
from storage_plugins.disk.sealed import SealedFile
from storage_plugins.disk.spool import Entry, Spool
from storage_plugins.errors import Corrupt, NotFound, StorageFull, StoreError, Unavailable, from_os_error
from storage_plugins.keys import check_key
from storage_plugins.layers.turns import Turns
from storage_plugins.store import Allocate, Buffer, Layer, ObjectInfo, SealedFiles, Store

_log = logging.getLogger(__name__)

SETTING: Final = "StoragePlugins.WriteBehind.Path"
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_SAY_AGAIN: Final = 60.0


class WriteBehindLayer(Layer):
    """Reads and ranges of what is pending come from the spool; a delete of it cancels its upload."""

    def __init__(
        self, inner: Store, options: WriteBehindOptions, keep: Callable[[str, Buffer, str], None] | None = None
    ) -> None:
        """Takes over what an earlier process has left. Raises ConfigInvalid, AccessDenied.

        `keep`: is offered the key, the bytes and the file of each object that was uploaded.
        """
        super().__init__(inner)
        self._options = options
        self._keep = keep
        self._limit = options.maximum_size << 20
        lock = threading.Lock()
        self._changed = threading.Condition(lock)  # for writers, who wait for room or for an upload of their key
        self._wanted = threading.Condition(lock)  # for uploaders
        self._entries: dict[str, Entry] = {}  # all that is not settled, in the order of arrival
        self._turns = Turns(options.longest_wait)
        self._bytes = 0
        self._uploaded = 0
        self._failures = 0
        self.last_failure: StoreError | None = None  # for tools
        self._complained_at = -_SAY_AGAIN
        self._disk_failed = False
        self._drain_until: float | None = None  # set when the layer is closed
        try:
            self._spool = Spool(options.path, SETTING)
            for entry in self._spool.entries():
                self._take_over(entry)
            self._damaged = self._spool.damaged()
        except OSError as error:
            raise from_os_error(error, f"{SETTING}: cannot use the spool {options.path}") from error
        if self._entries:
            _log.warning("%d objects of an earlier run are still to be uploaded", len(self._entries))
        self._uploaders = [
            threading.Thread(target=self._serve, name=f"storage-upload-{number}", daemon=True)
            for number in range(options.uploaders)
        ]
        for uploader in self._uploaders:
            uploader.start()

    def put(self, key: str, data: Buffer) -> None:
        """See Store. Waits for room, and raises StorageFull when there is none in time."""
        check_key(key)
        if len(data) > self._limit:
            self._put_directly(key, data)
            return
        deadline = time.monotonic() + self._options.wait_for_room
        self._reserve(len(data), deadline)
        entry = None
        try:
            entry = self._write(key, data, deadline)
        finally:
            with self._changed:
                self._turns.writer_left()
                if entry is None:
                    self._bytes -= len(data)
                    self._changed.notify_all()
                else:
                    self._append(entry)
                self._wanted.notify()
        if entry is None:
            self._put_directly(key, data)

    def read(self, key: str, allocate: Allocate) -> None:
        """See Store."""

        def read(file: SealedFile) -> None:
            file.read_range(0, allocate(file.size))

        if not self._from_spool(key, read):
            self.inner.read(key, allocate)

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """See Store."""
        if not target or not self._from_spool(key, lambda file: file.read_range(start, target)):
            self.inner.read_range(key, start, target)

    def delete(self, key: str) -> None:
        """See Store. What has not been uploaded never is; what may have been is deleted in the background."""
        try:
            with self._changed:
                self._check_open()
                entry = self._entries.get(key)
                if entry is not None and not entry.removed:
                    self._cancel(entry)
            # Otherwise a power cut could bring back what was uploaded and is now deleted.
            self._spool.sync()
        except OSError as error:
            raise from_os_error(error, f"cannot delete object {key!r} from the spool") from error
        if entry is None:
            self.inner.delete(key)

    def files(self) -> SealedFiles | None:
        """See Store. Those of the cache, in which nothing is pending; nobody may write around the spool."""
        files = self.inner.files()
        return files if isinstance(files, SealedFiles) else None

    def stat(self, key: str) -> ObjectInfo:
        """See Store."""
        entry = self._entry(key)
        return self.inner.stat(key) if entry is None else entry.info

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See Store."""
        with self._changed:
            pending = {key: entry for key, entry in self._entries.items() if key.startswith(prefix)}
        yield from (entry.info for entry in pending.values() if not entry.removed)
        yield from (found for found in self.inner.list(prefix) if found.key not in pending)

    def close(self) -> None:
        """See Store. Uploads go on for a while; what is left then stays in the spool for the next start."""
        with self._changed:
            if self._drain_until is not None:
                return
            deadline = self._drain_until = time.monotonic() + self._options.drain_timeout
            self._turns.hurry()
            self._changed.notify_all()
            self._wanted.notify_all()
        for uploader in self._uploaders:
            uploader.join(max(0.0, deadline - time.monotonic()) + 0.1)
        if self._entries:
            _log.warning("%d objects are still to be uploaded: they wait for the next start", len(self._entries))
        self._spool.close()
        self.inner.close()

    def report(self) -> dict[str, float]:
        """The state, for metrics and tools."""
        with self._changed:
            oldest = next(iter(self._entries.values()), None)
            return {
                "pending_objects": len(self._entries),
                "pending_bytes": self._bytes,
                "maximum_bytes": self._limit,
                "oldest_seconds": max(0.0, time.time() - oldest.since) if oldest else 0.0,
                "uploaded_total": self._uploaded,
                "failures_total": self._failures,
                "refused_objects": self._turns.refused,
                "damaged_objects": self._damaged,
            }

    # --- the way in ---

    def _take_over(self, entry: Entry) -> None:
        self._supersede(entry.key)
        self._entries[entry.key] = entry
        self._turns.append(entry)
        self._bytes += entry.size

    def _reserve(self, size: int, deadline: float) -> None:
        with self._changed:
            while True:
                self._check_open()
                if self._bytes + size <= self._limit:
                    self._bytes += size
                    self._turns.writer_came()
                    return
                left = deadline - time.monotonic()
                if left <= 0:
                    msg = (
                        f"the spool is full: {len(self._entries)} objects, {self._bytes >> 20} MB, are to be uploaded, "
                        "and the storage does not take them fast enough. Enlarge WriteBehind.MaximumSize"
                    )
                    raise StorageFull(msg)
                self._changed.wait(left)

    def _append(self, entry: Entry) -> None:
        self._wait_until_idle(entry.key)
        # What an older one of the key may have brought to the storage has to be deleted there, too.
        entry.attempted = self._supersede(entry.key)
        self._entries[entry.key] = entry
        self._turns.append(entry)

    def _write(self, key: str, data: Buffer, deadline: float) -> Entry | None:
        """The new entry; None when the disk fails in a way that waiting does not mend."""
        while True:
            try:
                entry = self._spool.add(key, data)
            except OSError as error:
                if error.errno not in _FULL:
                    self._complain_of_disk(error)
                    return None
                if time.monotonic() >= deadline:
                    msg = f"the disk of the spool is full, object {key!r} was not accepted: free room on it"
                    raise StorageFull(msg) from error
                with self._changed:
                    self._changed.wait(0.5)
            else:
                self._disk_failed = False
                return entry

    def _complain_of_disk(self, error: OSError) -> None:
        if not self._disk_failed:
            self._disk_failed = True
            _log.error("Cannot write to the spool %s: %s. Objects are uploaded at once", self._options.path, error)

    def _put_directly(self, key: str, data: Buffer) -> None:
        with self._changed:
            self._check_open()
            self._wait_until_idle(key)
            self._supersede(key)
        self.inner.put(key, data)

    def _supersede(self, key: str) -> bool:
        """Ends an older entry of the same key, and tells whether its upload was begun."""
        before = self._entries.pop(key, None)
        if before is None:
            return False
        with suppress(OSError):  # where its file stays, the newer one wins at the next start
            self._spool.drop(before)
        self._settle(before)
        return before.attempted

    def _wait_until_idle(self, key: str) -> None:
        """Orthanc writes a key once; who writes one again waits for the upload of the one before."""
        while (entry := self._entries.get(key)) is not None and entry.busy:
            self._changed.wait()

    # --- the way out ---

    def _cancel(self, entry: Entry) -> None:
        if entry.attempted:
            self._spool.mark_removed(entry)
        else:
            self._spool.drop(entry)
            del self._entries[entry.key]
            self._settle(entry)
        self._changed.notify_all()
        self._wanted.notify()

    def _entry(self, key: str) -> Entry | None:
        self._check_open()
        entry = self._entries.get(key)
        if entry is not None and entry.removed:
            msg = f"there is no object {key!r}: it was deleted"
            raise NotFound(msg)
        return entry

    def _from_spool(self, key: str, read: Callable[[SealedFile], None]) -> bool:
        entry = self._entry(key)
        if entry is None:
            return False
        try:
            with self._spool.open(entry) as file:
                read(file)
        except FileNotFoundError:
            return False  # uploaded just now
        except OSError as error:
            raise from_os_error(error, f"cannot read object {key!r} from the spool") from error
        return True

    # --- uploads ---

    def _serve(self) -> None:
        """Uploads until the layer is closed. The body of a thread."""
        while (entry := self._next()) is not None:
            try:
                self._work(entry)
            except StoreError as error:
                self._put_back(entry, error)
            except OSError as error:
                self._put_back(entry, from_os_error(error, f"cannot read object {entry.key!r} from the spool"))
            except Exception as error:  # noqa: BLE001 - this thread must go on, and the object is still in the spool
                self._put_back(entry, Unavailable(f"cannot upload object {entry.key!r}: {error!r}", retryable=False))

    def _next(self) -> Entry | None:
        with self._changed:
            while True:
                now = time.monotonic()
                if self._drain_until is not None and (now >= self._drain_until or not self._entries):
                    return None
                if (entry := self._turns.next(now)) is not None:
                    entry.busy = entry.attempted = True
                    self._wanted.notify()  # there may be more than one
                    return entry
                wait = self._turns.wait(now)
                if self._drain_until is not None:
                    wait = min(1.0 if wait is None else wait, self._drain_until - now)
                self._wanted.wait(wait)

    def _work(self, entry: Entry) -> None:
        deleted = entry.removed
        if deleted:
            self.inner.delete(entry.key)
        elif not entry.uploaded and not self._upload(entry):
            return
        with self._changed:
            self._succeeded()
            if deleted == entry.removed:
                self._spool.drop(entry)
                self._uploaded += not deleted
                del self._entries[entry.key]
                self._settle(entry)
            else:  # it was deleted in the meantime
                entry.busy = False
                self._turns.at_once(entry)
            self._changed.notify_all()
            if self._drain_until is not None:
                self._wanted.notify_all()

    def _upload(self, entry: Entry) -> bool:
        """False when there is nothing that can be uploaded."""
        try:
            with self._spool.open(entry) as file:
                data = file.bytes()
        except Corrupt as error:
            with self._changed:
                self._spool.set_aside(entry, str(error))
                self._damaged += 1
                del self._entries[entry.key]
                self._settle(entry)
                self._changed.notify_all()
            return False
        except FileNotFoundError:
            if not entry.removed:  # its name has changed just now
                raise
            return True
        self.inner.put(entry.key, data)
        entry.uploaded = True
        if self._keep is not None:
            self._keep(entry.key, data, self._spool.path(entry))
        return True

    def _settle(self, entry: Entry) -> None:
        """Nothing is left to do for an entry whose file is gone."""
        entry.busy = False
        entry.settled = True
        self._bytes -= entry.size

    def _succeeded(self) -> None:
        if self._turns.answered():
            self._complained_at = -_SAY_AGAIN
            _log.warning("The storage takes objects again: %d are to be uploaded", len(self._entries))
            self._wanted.notify_all()

    def _put_back(self, entry: Entry, error: StoreError) -> None:
        """Tries again later: with all others when the storage does not answer, alone when it refuses this object."""
        now = time.monotonic()
        with self._changed:
            entry.busy = False
            self._failures += 1
            self.last_failure = error
            self._turns.again(entry, error, now)
            if now >= self._complained_at + _SAY_AGAIN:
                self._complained_at = now
                _log.warning("%s. %d objects are to be uploaded, trying again", error, len(self._entries))
            self._changed.notify_all()

    def _check_open(self) -> None:
        if self._drain_until is not None:
            msg = "the store is closed"
            raise Unavailable(msg)
