"""Rigs of the layers with disks of their own: each alone, and all of them one above the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from storage_plugins.config.layers import (
    CacheOptions,
    CircuitBreakerOptions,
    DelayedDeletionOptions,
    WriteBehindOptions,
)
from storage_plugins.layers.cache import CacheLayer
from storage_plugins.layers.circuit_breaker import CircuitBreakerLayer
from storage_plugins.layers.delayed_deletion import DelayedDeletionLayer
from storage_plugins.layers.metrics import MetricsLayer
from storage_plugins.layers.write_behind import WriteBehindLayer
from storage_plugins.metrics import Metrics
from storage_plugins.store import Layer, Store
from storage_plugins.testing.contract import Rig
from storage_plugins.testing.media import Medium

_PATIENCE = 60.0

Wrap = Callable[[Store, Path], Store]


def breaker(store: Store, _folder: Path) -> Store:
    """Closed, because everything is answered."""
    return CircuitBreakerLayer(store, CircuitBreakerOptions(), lambda: None)


def deletion(store: Store, folder: Path) -> Store:
    """Deletes in the background."""
    return DelayedDeletionLayer(store, DelayedDeletionOptions(Path=str(folder / "deletions")))


def cache(store: Store, folder: Path) -> Store:
    """A cache that takes whatever is written or read."""
    return CacheLayer(store, CacheOptions(Path=str(folder / "cache"), MaximumSize=200, HeaderSize=64))


def write_behind(store: Store, folder: Path) -> Store:
    """Uploads in the background."""
    return WriteBehindLayer(store, WriteBehindOptions(Path=str(folder / "spool"), MaximumSize=200, DrainTimeout=30.0))


ALL: tuple[Wrap, ...] = (breaker, deletion, cache, write_behind)


def over(rig: Rig, layers: Iterable[Wrap], folder: Path) -> Rig:
    """The same rig with layers above its store. Who opens it again takes over the disks, unless they are in use."""
    inner_reopen = rig.reopen
    opened: dict[Path, _Closable] = {}

    def stack(store: Store) -> Store:
        at = next((at for at, user in opened.items() if user.closed), folder / str(len(opened)))
        opened[at] = _Closable(store)
        store = opened[at]
        for layer in layers:
            store = layer(store, at)
        return store

    store = stack(rig.store)
    medium = SettledMedium(rig.medium, store)

    def reopen() -> Store:
        medium.store = stack(inner_reopen())
        return medium.store

    return Rig(store, medium, reopen, rig.persistent, rig.prefix, rig.largest)


class _Closable(MetricsLayer):
    """Knows whether it is closed."""

    closed = False

    def __init__(self, inner: Store) -> None:
        super().__init__(inner, Metrics())

    def close(self) -> None:
        self.closed = True
        super().close()


class SettledMedium:
    """A medium that is looked at when nothing is on its way to it any more."""

    def __init__(self, medium: Medium, store: Store) -> None:
        self._medium = medium
        self._first = self.store = store

    def read(self, key: str) -> bytes | None:
        """See Medium."""
        self._settle()
        return self._medium.read(key)

    def write(self, key: str, data: bytes) -> None:
        """See Medium."""
        self._settle()
        self._medium.write(key, data)

    def keys(self) -> set[str]:
        """See Medium."""
        self._settle()
        return self._medium.keys()

    def _settle(self) -> None:
        settle(self._first)
        settle(self.store)


def settle(store: Store) -> None:
    """Waits until a stack of layers has nothing pending. A closed one has done what it could."""
    deadline = time.monotonic() + _PATIENCE
    layer: Store | None = store
    while layer is not None:
        while _pending(layer):
            assert time.monotonic() < deadline, f"{type(layer).__name__} has not come to rest"
            time.sleep(0.01)
        layer = layer.inner if isinstance(layer, Layer) else None


def _pending(layer: Store) -> float:
    match layer:
        case WriteBehindLayer() if layer._drain_until is None:
            return layer.report()["pending_objects"]
        case DelayedDeletionLayer() if not layer._closed.is_set():
            return layer.report()["pending_objects"]
        case _:
            return 0
