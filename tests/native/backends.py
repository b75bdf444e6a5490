"""Backends of a third party, for tests: each breaks a promise of `Store` in one way, or does what real ones do.

The fixture `environment` installs this module into an environment of its own and registers the backends there, so the
plugin finds them as it finds those of any other package. Nothing here may need pytest.
"""

from __future__ import annotations

import ctypes
import json
import ssl
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from pydantic import Field

from storage_plugins import Allocate, Buffer, Corrupt, Model, StoreError, errors
from storage_plugins.adapters.local import LocalStore
from storage_plugins.adapters.memory import MemoryStore
from storage_plugins.bridge import codes
from storage_plugins.store import SealedFiles

NAME = "faulty"
"""FaultyStore, as the configuration names it."""

UNTOUCHED_FILES = "untouched-files"
"""UntouchedFiles, as the configuration names it."""


class Untellable(BaseException):
    """An error that fails again when somebody wants to write it down."""

    def __str__(self) -> str:
        raise SystemExit


class CodeZero(StoreError):
    """An error that the table of codes turns into Orthanc's code for success."""


class Options(Model):
    """Which calls go wrong, and how."""

    faults: dict[str, str] = Field(default={})
    """A uuid and the name of the fault that any call for it meets."""

    seconds: float = 0.0
    """How long the slow faults last."""

    start: str = ""
    """Name of the fault of the constructor."""

    close: str = ""
    """Name of the fault of `close`."""

    sealed: str = ""
    """Folder of sealed files that Orthanc's threads may read. The memory of the store has none of them."""


class UntouchedFiles(LocalStore):
    """Files of this machine that can only be written and read without the store."""

    def put(self, key: str, data: Buffer) -> None:
        """Not to be called."""
        raise AssertionError(key, len(data))

    def read(self, key: str, allocate: Allocate) -> None:
        """Not to be called."""
        raise AssertionError(key, allocate)

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """Not to be called."""
        raise AssertionError(key, start, target)


class FaultyStore(MemoryStore):
    """A store in memory in which some objects bring bad luck."""

    Options: ClassVar[type[Model]] = Options

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self._options: Options = options
        self._served = 0
        self._meet(options.start)

    def put(self, key: str, data: Buffer) -> None:
        """Stores, after the fault."""
        self._meet(self._fault(key))
        super().put(key, data)

    def read(self, key: str, allocate: Allocate) -> None:
        """Reads; some faults are about the memory of the host."""
        match self._fault(key):
            case "fail-after-allocate":
                allocate(100)
                msg = "the body ended too early"
                raise Corrupt(msg)
            case "die-after-allocate":
                allocate(100)
                raise SystemExit
            case "no-allocate":
                return
            case "sleep-and-allocate":
                _sleep(self._options)
                allocate(100)[:] = bytes(100)
            case "allocate-twice":
                allocate(100)
                allocate(100)
            case fault:
                self._meet(fault)
                super().read(key, allocate)

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """Reads a range, after the fault."""
        self._meet(self._fault(key))
        super().read_range(key, start, target)

    def delete(self, key: str) -> None:
        """Removes, after the fault."""
        self._meet(self._fault(key))
        super().delete(key)

    def files(self) -> SealedFiles | None:
        """The folder. How many reads it has served is in a file beside it."""
        return SealedFiles(self._options.sealed, self._count) if self._options.sealed else None

    def close(self) -> None:
        """Ends, after the fault."""
        self._meet(self._options.close)
        super().close()

    def _count(self, calls: int) -> None:
        self._served += calls
        Path(f"{self._options.sealed}.served").write_text(str(self._served))

    def _fault(self, key: str) -> str:
        return self._options.faults.get(key[:36], "")

    def _meet(self, name: str) -> None:
        if name:
            _FAULTS[name](self._options)


def _raise(error: type[BaseException]) -> Callable[[Options], NoReturn]:
    def fault(_: Options) -> NoReturn:
        msg = f"{error.__name__} on purpose"
        raise error(msg)

    return fault


def _code_zero(_: Options) -> NoReturn:
    codes._CODES[CodeZero] = 0
    raise CodeZero


def _sleep(options: Options) -> None:
    time.sleep(options.seconds)


def _sleep_and_fail(options: Options) -> NoReturn:
    time.sleep(options.seconds)
    msg = "the medium did not answer"
    raise errors.Unavailable(msg)


def _keep_the_lock(options: Options) -> None:
    """What a compiled module does that never gives way to other threads."""
    ctypes.PyDLL(None).usleep(int(options.seconds * 1_000_000))


def _deep(_: Options) -> None:
    """Goes through Python and C in turns, as vendors' SDKs do."""
    json.dumps(_Level(250), default=_unfold)
    _recurse(850)
    _recurse_through_c(400)
    ssl.create_default_context()


def _compiled(_: Options) -> None:
    """Imports modules in C which leave it to the process to have Python's symbols."""
    for name in ("_ctypes", "_cffi_backend", "_ssl", "pydantic_core._pydantic_core"):
        import_module(name)


class _Level:
    def __init__(self, depth: int) -> None:
        self.depth = depth


def _unfold(level: _Level) -> object:
    return [_Level(level.depth - 1)] if level.depth else "the ground"


def _recurse(depth: int) -> int:
    return 0 if depth == 0 else 1 + _recurse(depth - 1)


def _recurse_through_c(depth: int) -> int:
    return 0 if depth == 0 else 1 + sum(map(_recurse_through_c, [depth - 1]))


_FAULTS: dict[str, Callable[[Options], None]] = {
    **{error.__name__: _raise(error) for error in errors.ALL},
    **{
        error.__name__: _raise(error)
        for error in (
            SystemExit,
            KeyboardInterrupt,
            GeneratorExit,
            BaseException,
            MemoryError,
            RecursionError,
            ValueError,
        )
    },
    "Untellable": _raise(Untellable),
    "code-zero": _code_zero,
    "sleep": _sleep,
    "sleep-and-fail": _sleep_and_fail,
    "keep-the-lock": _keep_the_lock,
    "deep": _deep,
    "compiled": _compiled,
    "hang": lambda _: time.sleep(3600),
}
