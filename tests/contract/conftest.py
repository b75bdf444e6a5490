"""Rigs: one per medium, each with a way around the store under test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pytest

from storage_plugins.adapters import fsspec_store, local
from storage_plugins.adapters.fsspec_store import FsspecOptions, FsspecStore
from storage_plugins.adapters.local import LocalOptions, LocalStore
from storage_plugins.adapters.memory import MemoryOptions, MemoryStore
from storage_plugins.layers.metrics import MetricsLayer
from storage_plugins.metrics import Metrics
from storage_plugins.testing.contract import Rig
from storage_plugins.testing.media import FolderMedium, FsspecMedium
from tests.contract.sftp import SftpServer


class MemoryMedium:
    """The dictionary inside a memory store."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def read(self, key: str) -> bytes | None:
        """See Medium."""
        found = (self._store._objects or {}).get(key)
        return found[0] if found else None

    def write(self, key: str, data: bytes) -> None:
        """See Medium."""
        assert self._store._objects is not None
        self._store._objects[key] = (data, datetime.now(UTC))

    def keys(self) -> set[str]:
        """See Medium."""
        return set(self._store._objects or {})


def memory(_tmp: Path, _stack: ExitStack) -> Rig:
    """The reference."""
    store = MemoryStore(MemoryOptions())
    return Rig(store, MemoryMedium(store), lambda: MemoryStore(MemoryOptions()), persistent=False)


def metrics_over_memory(tmp: Path, stack: ExitStack) -> Rig:
    """A layer must pass what its store passes."""
    rig = memory(tmp, stack)
    rig.store = MetricsLayer(rig.store, Metrics())
    rig.reopen = lambda: MetricsLayer(MemoryStore(MemoryOptions()), Metrics())
    return rig


def local_synced(tmp: Path, _stack: ExitStack) -> Rig:
    """Local disk with fsync."""
    return _local(tmp, sync=True)


def local_unsynced(tmp: Path, _stack: ExitStack) -> Rig:
    """Local disk without fsync."""
    return _local(tmp, sync=False)


def _local(tmp: Path, *, sync: bool) -> Rig:
    options = LocalOptions(Path=str(tmp), Sync=sync)
    return Rig(LocalStore(options), FolderMedium(tmp, hidden=(local.INCOMING,)), lambda: LocalStore(options))


def fsspec_memory(tmp: Path, stack: ExitStack) -> Rig:
    """fsspec's own memory filesystem, which is global, so each test has a root of its own."""
    root = f"/{tmp.name}"
    filesystem = fsspec.filesystem("memory")
    stack.callback(filesystem.store.clear)
    options = FsspecOptions(Url=f"memory:/{root}")
    return Rig(FsspecStore(options), FsspecMedium(filesystem, root), lambda: FsspecStore(options))


def fsspec_file(tmp: Path, _stack: ExitStack) -> Rig:
    """fsspec's local filesystem, where files are visible in part unless they are renamed."""
    options = FsspecOptions(Url=f"file://{tmp}")
    medium = FolderMedium(tmp, hidden=(fsspec_store.INCOMING,))
    return Rig(FsspecStore(options), medium, lambda: FsspecStore(options))


def fsspec_sftp(tmp: Path, stack: ExitStack) -> Rig:
    """A real SFTP server over a folder."""
    server = stack.enter_context(SftpServer(tmp))
    options = FsspecOptions(Url=f"sftp://archive@127.0.0.1:{server.port}/data", StorageOptions=server.storage_options)
    medium = FolderMedium(tmp / "data", hidden=(fsspec_store.INCOMING,))
    return Rig(FsspecStore(options), medium, lambda: FsspecStore(options), largest=1 << 20)


RIGS: tuple[Callable[[Path, ExitStack], Rig], ...] = (
    memory,
    metrics_over_memory,
    local_synced,
    local_unsynced,
    fsspec_memory,
    fsspec_file,
    fsspec_sftp,
)


@pytest.fixture(params=RIGS, ids=lambda build: build.__name__)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """Each rig in turn."""
    with ExitStack() as stack:
        built = request.param(tmp_path, stack)
        yield built
        built.store.close()
