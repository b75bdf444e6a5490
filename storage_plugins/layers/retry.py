"""Makes a call again that a moment later may succeed. The only place that does."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence

import stamina

from storage_plugins.config.layers import RetryOptions
from storage_plugins.errors import StoreError
from storage_plugins.store import Allocate, Buffer, Files, Layer, ObjectInfo, OnceAllocated, SealedFiles, Store

_log = logging.getLogger(__name__)

_BYTES_PER_SECOND = 1 << 20


class RetryLayer(Layer):
    """Every verb of Orthanc is safe to repeat: an object is written once and never changed."""

    def __init__(self, inner: Store, options: RetryOptions) -> None:
        super().__init__(inner)
        self._options = options

    def put(self, key: str, data: Buffer) -> None:
        """See Store."""
        started = time.monotonic()
        try:
            self.inner.put(key, data)
        except StoreError as error:
            self._again(lambda: self.inner.put(key, data), lambda: len(data), started, error)

    def read(self, key: str, allocate: Allocate) -> None:
        """See Store. The memory of the first attempt is filled again."""
        memory = OnceAllocated(key, allocate)
        started = time.monotonic()
        try:
            self.inner.read(key, memory)
        except StoreError as error:
            self._again(lambda: self.inner.read(key, memory), lambda: memory.size, started, error)

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """See Store."""
        started = time.monotonic()
        try:
            self.inner.read_range(key, start, target)
        except StoreError as error:
            self._again(lambda: self.inner.read_range(key, start, target), lambda: len(target), started, error)

    def delete(self, key: str) -> None:
        """See Store."""
        started = time.monotonic()
        try:
            self.inner.delete(key)
        except StoreError as error:
            self._again(lambda: self.inner.delete(key), lambda: 0, started, error)

    def delete_many(self, keys: Sequence[str]) -> dict[str, StoreError]:
        """See Store. Not made again: who deletes many comes back for those that are left."""
        return self.inner.delete_many(keys)

    def files(self) -> Files | SealedFiles | None:
        """See Store."""
        return self.inner.files()

    def stat(self, key: str) -> ObjectInfo:
        """See Store."""
        started = time.monotonic()
        try:
            return self.inner.stat(key)
        except StoreError as error:
            found: list[ObjectInfo] = []
            self._again(lambda: found.append(self.inner.stat(key)), lambda: 0, started, error)
            return found[0]

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See Store. Not made again: what was listed cannot be taken back."""
        return self.inner.list(prefix)

    def _again(self, call: Callable[[], None], size: Callable[[], int], started: float, first: StoreError) -> None:
        """The attempts after the first one, which failed. Without the machinery around it that one costs less."""
        if not first.retryable:
            raise first
        failed = 0

        def decide(error: Exception) -> bool | float:
            nonlocal failed
            failed += 1
            if not isinstance(error, StoreError) or not error.retryable or failed == self._options.attempts:
                return False
            left = started + self._options.deadline + size() / _BYTES_PER_SECOND - time.monotonic()
            wait = error.retry_after or 0.0
            if left <= wait:
                return False
            _log.warning("%s. Trying again", error)
            return wait or True

        attempts = stamina.retry_context(
            on=decide,
            attempts=None,
            timeout=None,
            wait_initial=self._options.first_wait,
            wait_max=self._options.longest_wait,
            wait_jitter=self._options.first_wait,
        )
        for attempt in attempts:
            with attempt:
                if attempt.num == 1:
                    raise first
                call()
