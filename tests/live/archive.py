"""A bucket behind a network that can be made bad, and what a running Orthanc tells of its way there."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from storage_plugins.testing.orthanc import Orthanc
from tests.servers.wan import Wan


class Archive:
    """The bucket, and sections of the configuration for it."""

    def __init__(self, server: Any, wan: Wan, medium: Any, folder: Path) -> None:
        self._server = server
        self.wan = wan
        self.medium = medium
        self.folder = folder

    def section(self, *layers: str, **more: Any) -> dict[str, Any]:
        """`StoragePlugins` with some of the layers, by their keys."""
        sizes = {"Cache": {"MaximumSize": 500}, "WriteBehind": {"MaximumSize": 500}, "DelayedDeletion": {}}
        options = self._server.options(self.medium.bucket, self.wan.endpoint)
        return {
            "Backend": "s3",
            "Options": options | {"RequestTimeout": 2, "ConnectionTimeout": 1},
            "Retry": {"Deadline": 4},
            **{name: {"Path": str(self.folder / name), **sizes[name]} for name in layers},
            **more,
        }

    def outage(self, *, on: bool = True) -> None:
        """Nobody can connect, and whoever is connected hears nothing."""
        self.wan.change(refuse=on, stall=on)

    def digests(self) -> list[str]:
        """What is in the bucket: SHA-256 of each object."""
        return sorted(digest(self.medium.read(key) or b"") for key in sorted(self.medium.keys()))


def digest(data: bytes) -> str:
    """Of the bytes of an instance."""
    return hashlib.sha256(data).hexdigest()


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def status(orthanc: Orthanc) -> Any:
    """What the plugin tells over the REST API."""
    answer = orthanc.get("/storage-plugins/status")
    assert 200 == answer.status
    return answer.json()


def drained(orthanc: Orthanc) -> bool:
    """Whether nothing is on its way to the storage."""
    told = status(orthanc)
    return not any(told.get(name, {}).get("PendingObjects") for name in ("WriteBehind", "DelayedDeletion"))
