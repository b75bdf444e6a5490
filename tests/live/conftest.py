"""A real Orthanc for each test, in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from storage_plugins.testing.orthanc import Orthanc
from tests.live.archive import Archive
from tests.servers import Servers
from tests.servers.wan import Wan

Launch: TypeAlias = Callable[..., Orthanc]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Launch]:
    """Makes Orthancs, not yet started, on the same folder; whatever still runs at the end is stopped."""
    made: list[Orthanc] = []

    def build(section: dict[str, Any] | None = None, **more: Any) -> Orthanc:
        plugins = more.pop("plugins", None if section is not None else [])
        configuration = {**({} if section is None else {"StoragePlugins": section}), **more}
        made.append(Orthanc(tmp_path / "orthanc", configuration, plugins=plugins))
        return made[-1]

    yield build
    for orthanc in made:
        if orthanc.alive:
            orthanc.kill()


@pytest.fixture
def archive(servers: Servers, tmp_path: Path) -> Iterator[Archive]:
    """On SeaweedFS, in a new bucket."""
    server = servers.get("seaweedfs")
    medium = server.bucket("layers")
    with Wan(tmp_path / "wan", server.port) as wan:
        yield Archive(server, wan, medium, tmp_path)
    medium.remove()


@pytest.fixture
def orthanc(make: Launch) -> Iterator[Orthanc]:
    """A running Orthanc that stores on local disk, configured by nothing but an empty section."""
    with ExitStack() as stack:
        yield stack.enter_context(make({}))
