"""Each backend for object storage with each engine, behind a proxy that tells and spoils."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest

from storage_plugins.adapters.object_store import ObjectStore
from storage_plugins.adapters.s3 import S3Store
from tests.servers import Servers
from tests.servers.proxy import Proxy

CASES = [(S3Store, "seaweedfs", "obstore"), (S3Store, "seaweedfs", "sdk")]


@dataclass(slots=True)
class Cloud:
    """A store whose requests pass a proxy, and the medium around it."""

    store: ObjectStore
    medium: Any
    proxy: Proxy
    open: Callable[..., ObjectStore]
    """Another store on the same bucket, with more options."""

    engine: str


@pytest.fixture(params=CASES, ids=lambda case: f"{case[1]}_{case[2]}")
def cloud(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Cloud]:
    """Each in turn."""
    backend, name, engine = request.param
    server = servers.get(name)
    bucket = f"b{uuid.uuid4().hex[:20]}"
    medium = server.bucket(bucket)
    with Proxy(f"127.0.0.1:{server.port}") as proxy:

        def opened(**more: Any) -> ObjectStore:
            given = {**server.options(bucket, proxy.endpoint), "Engine": engine, "PartSize": 5, **more}
            return cast("ObjectStore", backend(backend.Options(**given)))

        store = opened()
        proxy.requests()
        yield Cloud(store, medium, proxy, opened, engine)
        store.close()
    medium.remove()
