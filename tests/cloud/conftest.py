"""Each backend for object storage with each engine, behind a proxy that tells and spoils."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final, cast

import pytest

from storage_plugins.adapters.azure import AzureStore
from storage_plugins.adapters.gcs import GcsStore
from storage_plugins.adapters.object_store import ObjectStore
from storage_plugins.adapters.s3 import S3Store
from storage_plugins.testing.media import read
from tests.servers import Servers
from tests.servers.proxy import Proxy

ENGINES: Final = ("obstore", "sdk")
BACKENDS: Final[dict[str, type[ObjectStore]]] = {
    "seaweedfs": S3Store,
    "moto": S3Store,
    "azurite": AzureStore,
    "fake-gcs": GcsStore,
}
CASES: Final = tuple((server, engine) for server in ("seaweedfs", "azurite", "fake-gcs") for engine in ENGINES)


@dataclass(slots=True)
class Cloud:
    """A bucket whose stores go through a proxy, and the medium around them."""

    server: Any
    name: str
    engine: str
    bucket: str
    medium: Any
    proxy: Proxy
    stack: ExitStack
    opened: ObjectStore | None = None

    @property
    def store(self) -> ObjectStore:
        """A store without more options, the same one each time."""
        if self.opened is None:
            self.opened = self.open()
        return self.opened

    @property
    def other(self) -> str:
        """The engine that it is not."""
        return next(engine for engine in ENGINES if engine != self.engine)

    def options(self, at: str = "", **more: Any) -> dict[str, Any]:
        """Options of the backend. `at`: URL in place of the proxy's. None leaves an option out."""
        own = self.server.options(self.bucket, at or self.proxy.endpoint)
        given = {**own, "Engine": self.engine, "PartSize": 5, **more}
        return {name: value for name, value in given.items() if value is not None}

    def open(self, at: str = "", **more: Any) -> ObjectStore:
        """Another store on the same bucket, with more options. It is closed with the test."""
        backend = BACKENDS[self.name]
        store = backend(cast("Any", backend.Options(**self.options(at, **more))))
        self.stack.callback(store.close)
        return store


def every_verb(store: ObjectStore) -> list[Callable[[], object]]:
    """A call of each verb that asks the cloud, a write in parts among them."""
    return [
        lambda: store.put("x", b"1"),
        lambda: store.put("x", bytes(9 << 20)),
        lambda: read(store, "x"),
        lambda: store.delete("x"),
        lambda: list(store.list()),
    ]


@pytest.fixture(params=CASES, ids="_".join)
def cloud(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Cloud]:
    """Each in turn."""
    name, engine = request.param
    server = servers.get(name)
    bucket = f"b{uuid.uuid4().hex[:20]}"
    with ExitStack() as stack:
        medium = server.bucket(bucket)
        stack.callback(medium.remove)
        proxy = stack.enter_context(Proxy(f"127.0.0.1:{server.port}"))
        yield Cloud(server, name, engine, bucket, medium, proxy, stack)


def only(name: str) -> pytest.MarkDecorator:
    """Mark of tests that are about one server: they run with both engines."""
    return cases(*((name, engine) for engine in ENGINES))


def cases(*chosen: tuple[str, str]) -> pytest.MarkDecorator:
    """Mark of tests that run with these servers and engines."""
    return pytest.mark.parametrize("cloud", chosen, indirect=True, ids="_".join)
