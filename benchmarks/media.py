"""Where the stored bytes are: how much of it was read, and whether anything is left."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from storage_plugins.testing.orthanc import Orthanc
from tests.servers.s3 import S3Medium, SeaweedFs


class Medium(ABC):
    """What is behind the storage area of one Orthanc."""

    pid: int | None = None
    """Of the process that keeps the bytes."""

    @abstractmethod
    def given(self) -> int:
        """How many bytes it has given out so far, at least: no cache in front of it can make this grow."""

    @abstractmethod
    def empty(self) -> bool:
        """Whether nothing is stored."""


class Disk(Medium):
    """Files that Orthanc itself opens."""

    def __init__(self, orthanc: Orthanc) -> None:
        self._orthanc = orthanc

    def given(self) -> int:
        """See Medium."""
        return _io(self._orthanc.pid, "rchar")

    def empty(self) -> bool:
        """See Medium."""
        return not any(files for _, _, files in os.walk(self._orthanc.storage))


class SeaweedProcess(SeaweedFs):
    """SeaweedFS whose process can be looked at."""

    @property
    def pid(self) -> int:
        """Of the running server."""
        if self._process is None:
            msg = "SeaweedFS is not running"
            raise RuntimeError(msg)
        return self._process.pid


class Bucket(Medium):
    """A bucket of its own on a server that several share, but not at the same time."""

    def __init__(self, server: SeaweedProcess, bucket: S3Medium) -> None:
        self.pid: int = server.pid
        self._bucket = bucket

    def given(self) -> int:
        """See Medium. What the server writes, and it writes to its clients."""
        return _io(self.pid, "wchar")

    def empty(self) -> bool:
        """See Medium."""
        return not self._bucket.keys()


class Memory(Medium):
    """The backend `memory`, in Orthanc's own process."""

    def __init__(self, orthanc: Orthanc) -> None:
        self._orthanc = orthanc

    def given(self) -> int:
        """See Medium. What the plugin counts."""
        counted = self._orthanc.metrics()
        return int(counted["storage_plugins_read_bytes"] + counted["storage_plugins_read_range_bytes"])

    def empty(self) -> bool:
        """See Medium."""
        counted = self._orthanc.metrics()
        return counted["storage_plugins_put_success_total"] == counted["storage_plugins_delete_success_total"]


def _io(pid: int, name: str) -> int:
    lines: Sequence[str] = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)[name])
