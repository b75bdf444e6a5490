"""A configuration with all layers, over a storage that is a folder of this machine."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner, Result

from storage_plugins import compose, registry
from storage_plugins.adapters.fsspec_store import FsspecStore
from storage_plugins.cli import main
from storage_plugins.config.orthanc import OrthancConfiguration
from storage_plugins.disk.spool import Spool
from storage_plugins.errors import AccessDenied, Unavailable
from storage_plugins.metrics import Metrics
from storage_plugins.store import Buffer, Store

UUID = "f4247d92-1ea6-4f8b-bc62-e3a6fa24c6df"
OTHER = "0a247d92-1ea6-4f8b-bc62-e3a6fa24c6df"


class Archive(FsspecStore):
    """Files in a folder that stands for a storage behind a network. Writes fail while there is a file `fault`."""

    remote: ClassVar[bool] = True

    def put(self, key: str, data: Buffer) -> None:
        """See Store."""
        fault = Path(self._root).parent / "fault"
        if fault.exists() and (said := fault.read_text()):
            if said == "away":
                msg = f"cannot put object {key!r}: no answer"
                raise Unavailable(msg)
            if said in key:
                msg = f"cannot put object {key!r}: the policy of the bucket refuses it"
                raise AccessDenied(msg)
        super().put(key, data)


class Site:
    """Configuration, folders of the layers, and the storage."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = folder / "files"
        self.config = folder / "orthanc.json"
        self.section: dict[str, Any] = {
            "Backend": "archive",
            "Options": {"Url": f"file://{self.files}"},
            "Retry": {"Attempts": 1, "FirstWait": 0},
            "CircuitBreaker": {"Failures": 0},
            "Cache": {"Path": "cache", "MaximumSize": 10},
            "WriteBehind": {"Path": "spool", "MaximumSize": 10, "LongestWait": 0.1, "DrainTimeout": 0},
            "DelayedDeletion": {"Path": "deletions", "KeepFor": 24},
        }
        self.write()

    def write(self, **changes: Any) -> None:
        """The configuration, with changes; None takes a layer out."""
        self.section = {key: value for key, value in (self.section | changes).items() if value is not None}
        self.config.write_text(json.dumps({"StoragePlugins": self.section}))

    def fault(self, what: str) -> None:
        """What writes meet: "away", or part of the keys that are refused."""
        (self.folder / "fault").write_text(what)

    @contextmanager
    def orthanc(self) -> Iterator[Store]:
        """The store as a running Orthanc has it."""
        plan = compose.plan(OrthancConfiguration.from_file(self.config))
        with compose.open_store(plan, Metrics()) as store:
            yield store

    def leave_pending(self, objects: dict[str, bytes]) -> None:
        """As an Orthanc that was killed in an outage."""
        spool = Spool(str(self.folder / "spool"), "a test")
        for key, data in objects.items():
            spool.add(key, data)
        spool.close()

    def stored(self) -> dict[str, bytes]:
        """What is in the storage."""
        if not self.files.exists():
            return {}
        return {path.name: path.read_bytes() for path in self.files.iterdir() if path.is_file()}

    def run(self, command: str, *arguments: object) -> Result:
        """A command on this configuration: with all words before the first option or name."""
        return CliRunner().invoke(main, [*command.split(), "-c", str(self.config), *map(str, arguments)])


def new_site(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site in a folder; until the end of the test there is the backend that it needs."""
    monkeypatch.setitem(registry.BUILT_IN, "archive", f"{__name__}:Archive")
    return Site(folder)


def until(condition: Callable[[], bool]) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def damage(site: Site, number: int, *, seal: bool) -> None:
    """A flipped bit in the data or in the seal of the object that arrived as `number`."""
    file = site.folder / "spool" / "pending" / f"{number:016x}"
    content = bytearray(file.read_bytes())
    content[-1 if seal else 0] ^= 1
    file.write_bytes(content)
