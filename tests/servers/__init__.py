"""Real servers on loopback, each started once, when the first test needs it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.servers.azure import Azurite
from tests.servers.gcs import FakeGcs
from tests.servers.process import Server
from tests.servers.s3 import Moto, SeaweedFs

_KINDS: dict[str, type[Server]] = {"seaweedfs": SeaweedFs, "moto": Moto, "azurite": Azurite, "fake-gcs": FakeGcs}


class Servers:
    """All servers of one run of the tests, by name."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._running: dict[str, Server] = {}

    def get(self, name: str) -> Any:
        """The server, running."""
        if name not in self._running:
            self._running[name] = self._stack.enter_context(_KINDS[name](self._folder / name))
        return self._running[name]
