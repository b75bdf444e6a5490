"""Rounds of the same work on different storage areas of the same Orthanc."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from benchmarks import dicom
from benchmarks.figures import Round
from benchmarks.http import Request
from benchmarks.load import Cost, Pids, run, wait_for_quiet
from benchmarks.media import Disk, Medium
from storage_plugins.testing.orthanc import Orthanc

T = TypeVar("T")

STORE: Final = "store"
READ: Final = "read"
TAGS: Final = "tags"
DELETE: Final = "delete"
DELETE_ALONE: Final = "delete, one by one"
GONE: Final = "delete, until gone"
PHASES: Final = {
    STORE: "POST /instances by all clients",
    READ: "GET /instances/{id}/file by all clients",
    TAGS: "GET /instances/{id}/tags by all clients: Orthanc reads the bytes before the pixel data",
    DELETE: "DELETE /studies/{id}, one study that holds all instances: Orthanc removes one file after another",
    GONE: "the same, until nothing is left in the medium",
    DELETE_ALONE: "DELETE /instances/{id} by all clients",
}

_TURN = 50  # instances: a turn of a third of a second, shorter than most moods of a shared machine
_WARM_UP = 16
_HEADER = 900  # less than the bytes before the pixel data of these files


class BenchmarkError(Exception):
    """What was measured is not what was meant to be measured."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the storage areas that are compared."""

    name: str
    configuration: Mapping[str, Any]
    plugins: list[str] | None = None
    fails_at_times: bool = False
    """Whether a store that fails may be sent again, see `Request.again`."""

    medium: Callable[[Orthanc], Medium] = Disk
    """What is behind its Orthanc."""


@dataclass(frozen=True, slots=True)
class Work:
    """What each round does: the same files every time, in folders that are new every time."""

    separate: list[bytes]
    together: list[bytes]
    clients: int
    patience: float
    """How many seconds a phase may wait for a quiet machine."""

    file_passes: int
    tags_passes: int
    """How often each instance is read in a turn: one read of a few instances may be over too soon to be measured."""

    @classmethod
    def make(cls, count: int, clients: int, patience: float) -> Work:
        """`count` instances that are studies of their own, and as many in one study."""
        together = dicom.instances(count, one_study=True)
        return cls(dicom.instances(count), together, clients, patience, file_passes=20, tags_passes=4)

    @classmethod
    def of_slices(cls, count: int, clients: int, patience: float) -> Work:
        """`count` slices of a series, and as many of another one."""
        return cls(dicom.slices(count), dicom.slices(count), clients, patience, file_passes=4, tags_passes=4)


def rounds(sides: Sequence[Side], work: Work, count: int) -> Iterator[Round]:
    """What was measured, round by round.

    In a round all sides run at once and take turns after every few instances, so that a change of the machine's mood
    reaches all of them. The order turns around each time.
    """
    with tempfile.TemporaryDirectory(prefix="orthanc-bench-") as folder:
        _spread(folder)
        for number in range(count):
            order = list(sides if number % 2 == 0 else reversed(sides))
            with ExitStack() as stack:
                loads = {}
                for side in order:
                    orthanc = Orthanc(Path(folder, f"{number}-{side.name}"), side.configuration, plugins=side.plugins)
                    loads[side.name] = _Load(stack.enter_context(orthanc), work, side)
                yield _round(loads)


def _round(loads: dict[str, _Load]) -> Round:
    costs: Round = {phase: {} for phase in PHASES}
    for load in loads.values():
        load.warm_up()
    for phase, step in ((STORE, _Load.store), (READ, _Load.read), (TAGS, _Load.tags)):
        costs[phase] = _take_turns(loads, step)
    for name, load in loads.items():
        costs[DELETE_ALONE][name] = [load.delete_alone()]
    for name, load in loads.items():
        answered, gone = load.delete_study()
        costs[DELETE][name], costs[GONE][name] = [answered], [gone]
    return costs


def _take_turns(loads: dict[str, _Load], step: Callable[[_Load, slice], Cost]) -> dict[str, list[Cost]]:
    """One phase, whose first side is another one in every turn."""
    costs: dict[str, list[Cost]] = {name: [] for name in loads}
    order = list(loads.items())
    for start in range(0, next(iter(loads.values())).instances, _TURN):
        for name, load in order:
            costs[name].append(step(load, slice(start, start + _TURN)))
        order = [*order[1:], order[0]]
    return costs


class _Load:
    """The phases, on one running Orthanc."""

    def __init__(self, orthanc: Orthanc, work: Work, side: Side) -> None:
        self._orthanc = orthanc
        self._work = work
        self._identifiers: list[str] = []
        self._again = side.fails_at_times
        self._medium = side.medium(orthanc)
        self.instances = len(work.separate)

    def warm_up(self) -> None:
        few = slice(0, _WARM_UP)
        self.store(few)
        self.read(few)
        self.tags(few)
        self.delete_alone()

    def store(self, part: slice) -> Cost:
        identifiers, cost = self._upload(self._work.separate[part])
        self._identifiers += identifiers
        return cost / len(identifiers)

    def read(self, part: slice) -> Cost:
        return self._get("file", len(self._work.separate[0]), part, self._work.file_passes)

    def tags(self, part: slice) -> Cost:
        return self._get("tags", _HEADER, part, self._work.tags_passes)

    def delete_alone(self) -> Cost:
        requests = [Request("DELETE", f"/instances/{name}") for name in self._identifiers]
        self._identifiers = []
        _, cost = self._run(requests, len)
        self._wait_until_empty()
        return cost / len(requests)

    def delete_study(self) -> tuple[Cost, Cost]:
        self._upload(self._work.together)
        (study,) = self._orthanc.get("/studies").json()
        _, cost = self._run([Request("DELETE", f"/studies/{study}")], len)
        answered = time.perf_counter()
        self._wait_until_empty()
        gone = replace(cost, seconds=cost.seconds + time.perf_counter() - answered)
        return cost / self.instances, gone / self.instances

    def _upload(self, files: Sequence[bytes]) -> tuple[list[str], Cost]:
        return self._run([Request("POST", "/instances", file, self._again) for file in files], _identifier)

    def _get(self, what: str, least: int, part: slice, passes: int) -> Cost:
        """A cache somewhere would make the result worthless: `least` bytes of each file must have been read."""
        requests = [Request("GET", f"/instances/{name}/{what}") for name in self._identifiers[part]] * passes
        before = self._medium.given()
        _, cost = self._run(requests, len)
        if self._medium.given() - before < least * len(requests):
            msg = f"GET /instances/.../{what} did not read the storage area"
            raise BenchmarkError(msg)
        return cost / len(requests)

    def _wait_until_empty(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not self._medium.empty():
            if time.monotonic() > deadline:
                msg = "something is left in the storage area after everything was deleted"
                raise BenchmarkError(msg)
            time.sleep(0.002)

    def _run(self, requests: Sequence[Request], take: Callable[[memoryview], T]) -> tuple[list[T], Cost]:
        os.sync()  # what an earlier phase has left to be written must not slow this one down
        wait_for_quiet(self._work.patience)
        return run(self._orthanc.port, Pids(self._orthanc.pid, self._medium.pid), requests, self._work.clients, take)


def _identifier(body: memoryview) -> str:
    return str(json.loads(bytes(body))["ID"])


def _spread(folder: str) -> None:
    """Makes ext4 put each folder in here into a region of its own.

    In a region where files were deleted in the last minutes, ext4 looks at every one of their inodes before it makes a
    file: a round would pay for the deletes of the round before. Other filesystems do not, and refuse.
    """
    subprocess.run(["chattr", "+T", folder], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
