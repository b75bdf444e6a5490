from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis.stateful import rule

from storage_plugins.testing.contract import Rig
from storage_plugins.testing.model import DATA, KEYS, StoreModel
from tests.contract import conftest
from tests.servers import Servers

_SETTINGS = settings(max_examples=40, stateful_step_count=30, deadline=None, database=None)


class _Model(StoreModel):
    """A rig in a folder that goes away with it."""

    name: str

    def open_rig(self) -> Rig:
        self._stack = ExitStack()
        build = {rig.__name__: rig for rig in conftest.RIGS}[self.name]
        folder = Path(self._stack.enter_context(TemporaryDirectory()))
        return build(conftest.Room(folder, self._stack, Servers(folder / "servers", self._stack)))

    def teardown(self) -> None:
        super().teardown()
        self._stack.close()


class _Immutable(_Model):
    """Nobody else changes an object that a layer may have kept."""

    @rule(key=KEYS, data=DATA)
    def write_around(self, key: str, data: bytes) -> None:
        if key not in self.model:
            super().write_around(key, data)


class _Memory(_Model):
    name = "memory"


class _Local(_Model):
    name = "local_unsynced"


class _FsspecFile(_Model):
    name = "fsspec_file"


class _FsspecMemory(_Model):
    name = "fsspec_memory"


class _AllLayers(_Immutable):
    name = "all_layers"


TestAllLayers = _AllLayers.TestCase
TestMemory = _Memory.TestCase
TestLocal = _Local.TestCase
TestFsspecFile = _FsspecFile.TestCase
TestFsspecMemory = _FsspecMemory.TestCase
for case in (TestAllLayers, TestMemory, TestLocal, TestFsspecFile, TestFsspecMemory):
    case.settings = _SETTINGS
TestAllLayers.settings = settings(_SETTINGS, max_examples=8)
