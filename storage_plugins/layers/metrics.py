"""Counts calls by verb and outcome, bytes, and the time they took."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Final

from storage_plugins import errors
from storage_plugins.metrics import PREFIX, Metrics
from storage_plugins.store import Allocate, Buffer, Files, Layer, ObjectInfo, SealedFiles, Store

_VERBS: Final = ("put", "read", "read_range", "delete")
_OTHER: Final = "error"


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


OUTCOMES: Final[dict[type[BaseException], str]] = {kind: _snake(kind.__name__) for kind in errors.ALL}
"""Names of outcomes other than "success". An exception that is no StoreError counts as "error"."""


def names(verb: str, outcome: str) -> tuple[str, str, str]:
    """The metrics of a verb of the store: number of calls, seconds and bytes."""
    return f"{PREFIX}_{verb}_{outcome}_total", f"{PREFIX}_{verb}_seconds", f"{PREFIX}_{verb}_bytes"


class _Measured:
    """An Allocate that remembers the size."""

    def __init__(self, allocate: Allocate) -> None:
        self._allocate = allocate
        self.size = 0

    def __call__(self, size: int) -> memoryview:
        self.size = size
        return self._allocate(size)


class MetricsLayer(Layer):
    """Publishes, for each verb: `storage_plugins_<verb>_<outcome>_total`, `..._<verb>_seconds`, `..._<verb>_bytes`."""

    def __init__(self, inner: Store, metrics: Metrics) -> None:
        super().__init__(inner)
        self._metrics = metrics
        outcomes = ("success", *OUTCOMES.values(), _OTHER)
        # To put the names together for every call would cost more than to count it.
        self._names = {(verb, outcome): names(verb, outcome) for verb in _VERBS for outcome in outcomes}
        for declared in self._names.values():
            metrics.declare(*declared)

    def put(self, key: str, data: Buffer) -> None:
        """Counts a put."""
        started = time.perf_counter()
        try:
            self.inner.put(key, data)
        except BaseException as error:
            self._failed("put", started, error)
            raise
        self._count("put", "success", started, len(data))

    def read(self, key: str, allocate: Allocate) -> None:
        """Counts a read."""
        measured = _Measured(allocate)
        started = time.perf_counter()
        try:
            self.inner.read(key, measured)
        except BaseException as error:
            self._failed("read", started, error)
            raise
        self._count("read", "success", started, measured.size)

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """Counts a range read."""
        started = time.perf_counter()
        try:
            self.inner.read_range(key, start, target)
        except BaseException as error:
            self._failed("read_range", started, error)
            raise
        self._count("read_range", "success", started, len(target))

    def delete(self, key: str) -> None:
        """Counts a delete."""
        started = time.perf_counter()
        try:
            self.inner.delete(key)
        except BaseException as error:
            self._failed("delete", started, error)
            raise
        self._count("delete", "success", started, 0)

    def files(self) -> Files | SealedFiles | None:
        """Who reads there counts too: see `bridge.files`."""
        return self.inner.files()

    def stat(self, key: str) -> ObjectInfo:
        """Not counted: only tools ask."""
        return self.inner.stat(key)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Not counted: only tools ask."""
        return self.inner.list(prefix)

    def _failed(self, verb: str, started: float, error: BaseException) -> None:
        self._count(verb, OUTCOMES.get(type(error), _OTHER), started, 0)

    def _count(self, verb: str, outcome: str, started: float, size: int) -> None:
        self._metrics.count(self._names[verb, outcome], time.perf_counter() - started, size)
