"""Rigs: one per medium, each with a way around the store under test."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import pytest

from storage_plugins.adapters import fsspec_store, local
from storage_plugins.adapters.azure import AzureStore
from storage_plugins.adapters.fsspec_store import FsspecOptions, FsspecStore
from storage_plugins.adapters.gcs import GcsStore
from storage_plugins.adapters.local import LocalOptions, LocalStore
from storage_plugins.adapters.memory import MemoryOptions, MemoryStore
from storage_plugins.adapters.object_store import ObjectStore
from storage_plugins.adapters.s3 import S3Store
from storage_plugins.config.layers import RetryOptions
from storage_plugins.layers.metrics import MetricsLayer
from storage_plugins.layers.retry import RetryLayer
from storage_plugins.metrics import Metrics
from storage_plugins.store import Store
from storage_plugins.testing import contract
from storage_plugins.testing.contract import Rig
from storage_plugins.testing.media import FolderMedium, FsspecMedium, StoreMedium
from tests.contract import layered
from tests.contract.sftp import SftpServer
from tests.servers import Servers


@dataclass(frozen=True, slots=True)
class Room:
    """What a rig is built from."""

    tmp: Path
    stack: ExitStack
    servers: Servers


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


def memory(_room: Room) -> Rig:
    """The reference."""
    store = MemoryStore(MemoryOptions())
    return Rig(store, MemoryMedium(store), lambda: MemoryStore(MemoryOptions()), persistent=False)


def metrics_over_memory(room: Room) -> Rig:
    """A layer must pass what its store passes."""
    rig = memory(room)
    rig.store = MetricsLayer(rig.store, Metrics())
    rig.reopen = lambda: MetricsLayer(MemoryStore(MemoryOptions()), Metrics())
    return rig


def local_synced(room: Room) -> Rig:
    """Local disk with fsync."""
    return _local(room.tmp, sync=True)


def local_unsynced(room: Room) -> Rig:
    """Local disk without fsync."""
    return _local(room.tmp, sync=False)


def _local(tmp: Path, *, sync: bool) -> Rig:
    options = LocalOptions(Path=str(tmp), Sync=sync)
    return Rig(LocalStore(options), FolderMedium(tmp, hidden=(local.INCOMING,)), lambda: LocalStore(options))


def fsspec_memory(room: Room) -> Rig:
    """fsspec's own memory filesystem, which is global, so each test has a root of its own."""
    root = f"/{room.tmp.name}"
    filesystem = fsspec.filesystem("memory")
    room.stack.callback(filesystem.store.clear)
    options = FsspecOptions(Url=f"memory:/{root}")
    return Rig(FsspecStore(options), FsspecMedium(filesystem, root), lambda: FsspecStore(options))


def fsspec_file(room: Room) -> Rig:
    """fsspec's local filesystem, where files are visible in part unless they are renamed."""
    options = FsspecOptions(Url=f"file://{room.tmp}")
    medium = FolderMedium(room.tmp, hidden=(fsspec_store.INCOMING,))
    return Rig(FsspecStore(options), medium, lambda: FsspecStore(options))


def fsspec_sftp(room: Room) -> Rig:
    """A real SFTP server over a folder."""
    server = room.stack.enter_context(SftpServer(room.tmp))
    options = FsspecOptions(Url=f"sftp://archive@127.0.0.1:{server.port}/data", StorageOptions=server.storage_options)
    medium = FolderMedium(room.tmp / "data", hidden=(fsspec_store.INCOMING,))
    return Rig(FsspecStore(options), medium, lambda: FsspecStore(options), largest=1 << 20)


_PATIENCE = RetryOptions(Attempts=3, FirstWait=0.05, LongestWait=0.05)


class CloudRig:
    """A backend for object storage with one engine, in a bucket of its own on one server."""

    def __init__(self, backend: type[ObjectStore], engine: str, server: str) -> None:
        self._backend = backend
        self._engine = engine
        self._server = server
        self.__name__ = f"{server}_{engine}"

    def __call__(self, room: Room) -> Rig:
        """In a new bucket."""
        server = room.servers.get(self._server)
        name = f"b{uuid.uuid4().hex[:20]}"
        medium = server.bucket(name)
        room.stack.callback(medium.remove)

        def reopen() -> Store:
            given: dict[str, Any] = {**server.options(name), "Engine": self._engine, "PartSize": 5}
            options: Any = self._backend.Options(**given)
            store = self._backend(options)
            # moto may answer 500 to a read of what is being replaced, which users' retries take for what it is.
            return RetryLayer(store, _PATIENCE) if self._server == "moto" else store

        return Rig(reopen(), medium, reopen)


class LayeredRig:
    """Layers above the store of another rig."""

    def __init__(self, name: str, below: Callable[[Room], Rig], *layers: layered.Wrap) -> None:
        self._below = below
        self._layers = layers
        self.__name__ = name

    def __call__(self, room: Room) -> Rig:
        """With folders of their own."""
        below = Room(room.tmp / "medium", room.stack, room.servers)
        below.tmp.mkdir()
        return layered.over(self._below(below), self._layers, room.tmp)


class LiveRig:
    """A backend for object storage with one engine, in a bucket that somebody has named.

    It works below a prefix of its own, and looks at its medium with the other engine.
    """

    def __init__(self, backend: type[ObjectStore], engine: str, options: Mapping[str, Any], name: str) -> None:
        self._backend = backend
        self._engine = engine
        self._options = options
        self.__name__ = f"live_{name}_{engine}"

    def __call__(self, room: Room) -> Rig:
        """Below a new prefix."""
        prefix = f"orthanc-storage-test-{uuid.uuid4().hex}/"
        other = self._open("sdk" if self._engine == "obstore" else "obstore")
        room.stack.callback(other.close)

        def remove() -> None:
            for found in list(other.list(prefix)):
                other.delete(found.key)

        medium = StoreMedium(other, prefix)
        room.stack.callback(remove)
        return Rig(
            self._open(self._engine), medium, lambda: self._open(self._engine), prefix=f"{prefix}{contract.PREFIX}"
        )

    def _open(self, engine: str) -> ObjectStore:
        options: Any = self._backend.Options.model_validate({**self._options, "Engine": engine})
        return self._backend(options)


LIVE: dict[str, type[ObjectStore]] = {"s3": S3Store, "azure": AzureStore, "gcs": GcsStore}
"""By the end of the variable, such as STORAGE_TEST_S3, that holds the options of the backend as a JSON object."""


def live_rigs() -> Iterator[LiveRig]:
    """Those that the environment names, with both engines."""
    for name, backend in LIVE.items():
        if options := os.environ.get(f"STORAGE_TEST_{name.upper()}"):
            for engine in ("obstore", "sdk"):
                yield LiveRig(backend, engine, json.loads(options), name)


RIGS: tuple[Callable[[Room], Rig], ...] = (
    memory,
    metrics_over_memory,
    local_synced,
    local_unsynced,
    fsspec_memory,
    fsspec_file,
    fsspec_sftp,
    LayeredRig("circuit_breaker", memory, layered.breaker),
    LayeredRig("delayed_deletion", local_unsynced, layered.deletion),
    LayeredRig("cache", local_unsynced, layered.cache),
    LayeredRig("write_behind", local_unsynced, layered.write_behind),
    LayeredRig("all_layers", local_unsynced, *layered.ALL),
    LayeredRig("all_layers_seaweedfs", CloudRig(S3Store, "obstore", "seaweedfs"), *layered.ALL),
    CloudRig(S3Store, "obstore", "seaweedfs"),
    CloudRig(S3Store, "sdk", "seaweedfs"),
    CloudRig(S3Store, "obstore", "moto"),
    CloudRig(S3Store, "sdk", "moto"),
    CloudRig(AzureStore, "obstore", "azurite"),
    CloudRig(AzureStore, "sdk", "azurite"),
    CloudRig(GcsStore, "obstore", "fake-gcs"),
    CloudRig(GcsStore, "sdk", "fake-gcs"),
    *live_rigs(),
)


@pytest.fixture(params=RIGS, ids=lambda build: build.__name__)
def rig(request: pytest.FixtureRequest, tmp_path: Path, servers: Servers) -> Iterator[Rig]:
    """Each rig in turn."""
    with ExitStack() as stack:
        built = request.param(Room(tmp_path, stack, servers))
        yield built
        built.store.close()
