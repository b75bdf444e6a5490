"""Fails at once while the storage does not answer, so that Orthanc's threads do not wait for it one after the other."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

from storage_plugins.config.layers import CircuitBreakerOptions
from storage_plugins.errors import StoreError, Unavailable
from storage_plugins.store import Allocate, Buffer, Files, Layer, ObjectInfo, SealedFiles, Store

_log = logging.getLogger(__name__)


class CircuitBreakerLayer(Layer):
    """Opens after so many calls in a row that got no answer, and closes when a probe gets one."""

    def __init__(self, inner: Store, options: CircuitBreakerOptions, probe: Callable[[], None]) -> None:
        """`probe`: asks the storage once for something cheap. Any error but Unavailable is an answer."""
        super().__init__(inner)
        self._options = options
        self._probe = probe
        self._lock = threading.Lock()
        self._failed = 0
        self._open_since: float | None = None
        self._reason = ""
        self._opened = self._refused = 0
        self._closed = threading.Event()
        self._watched = _Watched(self._answered, self._missed)

    def put(self, key: str, data: Buffer) -> None:
        """See Store."""
        self._check()
        with self._watched:
            self.inner.put(key, data)

    def read(self, key: str, allocate: Allocate) -> None:
        """See Store."""
        self._check()
        with self._watched:
            self.inner.read(key, allocate)

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """See Store."""
        self._check()
        with self._watched:
            self.inner.read_range(key, start, target)

    def delete(self, key: str) -> None:
        """See Store."""
        self._check()
        with self._watched:
            self.inner.delete(key)

    def delete_many(self, keys: Sequence[str]) -> dict[str, StoreError]:
        """See Store."""
        self._check()
        with self._watched:
            return self.inner.delete_many(keys)

    def files(self) -> Files | SealedFiles | None:
        """See Store."""
        return self.inner.files()

    def stat(self, key: str) -> ObjectInfo:
        """See Store."""
        self._check()
        with self._watched:
            return self.inner.stat(key)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See Store. Only tools ask, and they can wait."""
        return self.inner.list(prefix)

    def close(self) -> None:
        """See Store."""
        self._closed.set()
        self.inner.close()

    def report(self) -> dict[str, float]:
        """The state, for metrics and tools."""
        since = self._open_since
        return {
            "open": since is not None,
            "open_seconds": time.monotonic() - since if since is not None else 0.0,
            "opened_total": self._opened,
            "refused_total": self._refused,
        }

    def _check(self) -> None:
        since = self._open_since
        if since is not None and not self._closed.is_set():
            self._refused += 1
            msg = (
                f"the storage has not answered for {time.monotonic() - since:.0f} s, and is not asked until it does: "
                f"{self._reason}"
            )
            raise Unavailable(msg)

    def _answered(self) -> None:
        self._failed = 0

    def _missed(self, error: Unavailable) -> None:
        with self._lock:
            self._failed += 1
            if self._failed < self._options.failures or self._open_since is not None:
                return
            self._open_since = time.monotonic()
            self._opened += 1
            self._reason = str(error)
        _log.error("%d calls in a row got no answer from the storage: it is not asked until it does", self._failed)
        threading.Thread(target=self._wait_for_answer, name="storage-probe", daemon=True).start()

    def _wait_for_answer(self) -> None:
        """Asks until there is an answer. The body of a thread."""
        while not self._closed.wait(self._options.probe_every):
            try:
                self._probe()
            except Unavailable as error:
                if error.retryable:
                    self._reason = str(error)
                    continue
            except Exception as error:  # noqa: BLE001 - whatever it is, whoever calls next shall see it
                _log.info("The probe was answered: %s", error)
            break
        with self._lock:
            silent = time.monotonic() - (self._open_since or 0.0)
            self._failed = 0
            self._open_since = None
        if not self._closed.is_set():
            _log.warning("The storage answers again, after %.0f seconds", silent)


class _Watched:
    """Around a call: tells whether it was answered. A class, because it is on the way of every call."""

    __slots__ = ("_answered", "_missed")

    def __init__(self, answered: Callable[[], None], missed: Callable[[Unavailable], None]) -> None:
        self._answered = answered
        self._missed = missed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Unavailable) and error.retryable:
            self._missed(error)
        else:
            self._answered()
