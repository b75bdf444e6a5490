"""Counts calls by verb and outcome, bytes, and the time they took."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Final

from storage_plugins import errors
from storage_plugins.metrics import Metrics
from storage_plugins.store import Allocate, Buffer, Layer, ObjectInfo, Store

_VERBS: Final = ("put", "read", "read_range", "delete")
_OTHER: Final = "error"


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


OUTCOMES: Final = {kind: _snake(kind.__name__) for kind in errors.ALL}
"""Names of outcomes other than "success". An exception that is no StoreError counts as "error"."""


class MetricsLayer(Layer):
    """Publishes, for each verb: `storage_plugins_<verb>_<outcome>_total`, `..._<verb>_seconds`, `..._<verb>_bytes`."""

    def __init__(self, inner: Store, metrics: Metrics) -> None:
        super().__init__(inner)
        self._metrics = metrics
        for verb in _VERBS:
            metrics.declare(
                _seconds(verb), _bytes(verb), *(_total(verb, o) for o in ("success", *OUTCOMES.values(), _OTHER))
            )

    def put(self, key: str, data: Buffer) -> None:
        """Counts a put."""
        self._count("put", lambda: self.inner.put(key, data), lambda: len(data))

    def read(self, key: str, allocate: Allocate) -> None:
        """Counts a read."""
        size = 0

        def remember(wanted: int) -> memoryview:
            nonlocal size
            size = wanted
            return allocate(wanted)

        self._count("read", lambda: self.inner.read(key, remember), lambda: size)

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """Counts a range read."""
        self._count("read_range", lambda: self.inner.read_range(key, start, target), lambda: len(target))

    def delete(self, key: str) -> None:
        """Counts a delete."""
        self._count("delete", lambda: self.inner.delete(key), lambda: 0)

    def stat(self, key: str) -> ObjectInfo:
        """Not counted: only tools ask."""
        return self.inner.stat(key)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Not counted: only tools ask."""
        return self.inner.list(prefix)

    def _count(self, verb: str, call: Callable[[], None], size: Callable[[], int]) -> None:
        outcome = _OTHER
        started = time.perf_counter()
        try:
            call()
            outcome = "success"
        except errors.StoreError as error:
            outcome = OUTCOMES.get(type(error), _OTHER)
            raise
        finally:
            self._metrics.add(
                **{
                    _total(verb, outcome): 1,
                    _seconds(verb): time.perf_counter() - started,
                    _bytes(verb): size() if outcome == "success" else 0,
                }
            )


def _total(verb: str, outcome: str) -> str:
    return f"storage_plugins_{verb}_{outcome}_total"


def _seconds(verb: str) -> str:
    return f"storage_plugins_{verb}_seconds"


def _bytes(verb: str) -> str:
    return f"storage_plugins_{verb}_bytes"
