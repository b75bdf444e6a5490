"""Keeps objects on a disk of this machine, so that they are fetched once.

    objects/<key>    whole objects
    heads/<key>      the first bytes of objects, as many as were asked for or HeaderSize

Each is a sealed file. An object never changes, so what is here is never out of date. A disk that is full or fails
costs speed, never an answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Final

from storage_plugins.config.layers import CacheOptions
from storage_plugins.disk.cache import CacheDisk
from storage_plugins.disk.sealed import SealedFile
from storage_plugins.errors import RangeInvalid, StoreError, Unavailable
from storage_plugins.keys import check_key
from storage_plugins.store import Allocate, Buffer, Layer, ObjectInfo, OnceAllocated, SealedFiles, Store, read_whole

_WHOLE: Final = "objects"
_HEADS: Final = "heads"


class CacheLayer(Layer):
    """Reads from the disk what is there, and fetches the rest once, however many ask for it at the same time."""

    def __init__(self, inner: Store, options: CacheOptions) -> None:
        """Takes over what an earlier process has left. Raises ConfigInvalid, AccessDenied."""
        super().__init__(inner)
        self._head = options.header_size << 10
        self._write_through = options.write_through
        self._disk = CacheDisk(options.path, options.maximum_size << 20, (_WHOLE, _HEADS))
        self._flights = _Flights()
        self._lock = threading.Lock()
        self._hits = self._misses = 0
        self._closed = False

    def put(self, key: str, data: Buffer) -> None:
        """See Store."""
        self._check(key)
        self._drop(key)
        self.inner.put(key, data)
        if self._write_through:
            self._disk.keep(_WHOLE, key, data)

    def read(self, key: str, allocate: Allocate) -> None:
        """See Store. Who comes while another one fetches the object waits for that, and reads it from the disk."""
        self._check(key)
        memory = OnceAllocated(key, allocate)

        def cached(file: SealedFile) -> None:
            file.read_range(0, memory(file.size))

        def fetch(flight: _Flight) -> None:
            self.inner.read(key, memory)
            if memory.memory is not None:
                self._keep(flight, _WHOLE, key, memory.memory)

        self._serve(key, _WHOLE, lambda: self._disk.use(_WHOLE, key, cached), fetch)

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """See Store."""
        if not target:
            return
        self._check(key)
        end = start + len(target)

        def cached() -> bool:
            if self._disk.use(_WHOLE, key, lambda file: file.read_range(start, target)):
                return True
            try:
                return self._disk.use(_HEADS, key, lambda file: file.read_range(start, target))
            except RangeInvalid:
                return False  # the object goes on where its head ends

        def fetch(flight: _Flight) -> None:
            target[:] = self._fetch_head(flight, key, end)[start:end]

        if end <= self._head:
            self._serve(key, _HEADS, cached, fetch)
        elif cached():
            self._count(hit=True)
        else:
            self._count(hit=False)
            self.inner.read_range(key, start, target)

    def keep(self, key: str, data: Buffer, path: str) -> None:
        """Takes an object that was written through this layer just now. `path`: a sealed file that holds it."""
        if not self._closed:
            self._disk.keep(_WHOLE, key, data, path)

    def delete(self, key: str) -> None:
        """See Store."""
        self._check(key)
        try:
            self.inner.delete(key)
        finally:
            self._drop(key)

    def files(self) -> SealedFiles:
        """Whole objects."""
        return SealedFiles(self._disk.folder(_WHOLE), self._served)

    def stat(self, key: str) -> ObjectInfo:
        """See Store. Asks the store below: a cached object may have been deleted by somebody else."""
        return self.inner.stat(key)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See Store."""
        return self.inner.list(prefix)

    def close(self) -> None:
        """See Store."""
        if not self._closed:
            self._closed = True
            self._disk.close()
            self.inner.close()

    def report(self) -> dict[str, float]:
        """The state, for metrics and tools."""
        with self._lock:
            counted = {"hits_total": self._hits, "misses_total": self._misses}
        asked = sum(counted.values())
        return {**counted, "hit_ratio": counted["hits_total"] / asked if asked else 0.0, **self._disk.report()}

    def _serve(self, key: str, kind: str, cached: Callable[[], bool], fetch: Callable[[_Flight], None]) -> None:
        if cached():
            self._count(hit=True)
            return
        flight, first = self._flights.board(key, kind)
        if first:
            try:
                if cached():  # somebody has fetched it since
                    self._count(hit=True)
                else:
                    self._count(hit=False)
                    fetch(flight)
            except BaseException as error:
                self._flights.land(flight, error)
                raise
            self._flights.land(flight)
            return
        flight.wait()
        if cached():
            self._count(hit=True)
        else:  # not kept: deleted, too large, or no room
            self._count(hit=False)
            fetch(_NOT_KEPT)

    def _fetch_head(self, flight: _Flight, key: str, end: int) -> memoryview:
        """The first `HeaderSize` bytes, or all of an object that is smaller."""
        head = memoryview(bytearray(self._head))
        try:
            self.inner.read_range(key, 0, head)
        except RangeInvalid:
            whole = read_whole(self.inner, key)
            self._keep(flight, _WHOLE, key, whole)
            if len(whole) < end:
                msg = f"cannot read up to byte {end} of object {key!r}: it has {len(whole)}"
                raise RangeInvalid(msg) from None
            return whole
        self._keep(flight, _HEADS, key, head)
        return head

    def _keep(self, flight: _Flight, kind: str, key: str, data: memoryview) -> None:
        """Keeps what was fetched, unless it was deleted on the way."""
        if flight.cancelled:
            return
        self._disk.keep(kind, key, data)
        if flight.cancelled:
            self._disk.drop(kind, key)

    def _drop(self, key: str) -> None:
        self._flights.cancel(key)
        self._disk.drop(_WHOLE, key)
        self._disk.drop(_HEADS, key)

    def _served(self, calls: int) -> None:
        """Reads that Orthanc's threads have made without us."""
        with self._lock:
            self._hits += calls

    def _count(self, *, hit: bool) -> None:
        with self._lock:
            if hit:
                self._hits += 1
            else:
                self._misses += 1

    def _check(self, key: str) -> None:
        if self._closed:
            msg = "the store is closed"
            raise Unavailable(msg)
        check_key(key)


class _Flight:
    """Something that one reader fetches and others may wait for."""

    def __init__(self, key: str, kind: str) -> None:
        self.key = key
        self.kind = kind
        self.cancelled = False
        self.error: StoreError | None = None
        self.landed = threading.Event()

    def wait(self) -> None:
        """Until it has been fetched. Raises what the first reader met."""
        self.landed.wait()
        if self.error is not None:
            error = self.error
            raise type(error)(str(error), retryable=error.retryable, retry_after=error.retry_after) from error


_NOT_KEPT: Final = _Flight("", "")
_NOT_KEPT.cancelled = True


class _Flights:
    """All of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[tuple[str, str], _Flight] = {}

    def board(self, key: str, kind: str) -> tuple[_Flight, bool]:
        """The flight for an object, and whether it is new. The head is on the flight of the whole, if there is one."""
        with self._lock:
            flight = self._flights.get((key, _WHOLE)) or self._flights.get((key, kind))
            if flight is not None:
                return flight, False
            flight = self._flights[key, kind] = _Flight(key, kind)
            return flight, True

    def land(self, flight: _Flight, error: BaseException | None = None) -> None:
        """Ends a flight."""
        with self._lock:
            del self._flights[flight.key, flight.kind]
        # Where a range was invalid, the others may want one that there is.
        if isinstance(error, StoreError) and not isinstance(error, RangeInvalid):
            flight.error = error
        flight.landed.set()

    def cancel(self, key: str) -> None:
        """What is on its way must not be kept."""
        with self._lock:
            for kind in (_WHOLE, _HEADS):
                if flight := self._flights.get((key, kind)):
                    flight.cancelled = True
