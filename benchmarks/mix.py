"""Many clients that store, read and delete at random, and what each of them was told."""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Self

from benchmarks import dicom
from benchmarks.http import Connection, Request
from storage_plugins.testing.orthanc import Orthanc
from tests.servers.wan import Wan

_HAND = 8  # instances that a client holds


@dataclass(slots=True)
class Outcome:
    """What the clients saw."""

    stored: int = 0
    """Instances that Orthanc has acknowledged."""

    kept: dict[str, str] = field(default_factory=dict)
    """SHA-256 of those that were not deleted, by Orthanc's identifier."""

    errors: list[str] = field(default_factory=list)
    """Answers other than 200."""

    damaged: list[str] = field(default_factory=list)
    """Instances that read back as something else."""

    longest: float = 0.0
    """Seconds of the slowest request."""


def run(orthanc: Orthanc, count: int, clients: int) -> Outcome:
    """`count` instances: each is stored and read, every second one is deleted, some are read again in between."""
    outcome = Outcome()
    todo = iter(range(count))

    def work(number: int) -> None:
        with closing(_Client(orthanc, outcome, number)) as client:
            client.work(todo)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcome


def check(orthanc: Orthanc, outcome: Outcome) -> None:
    """Reads everything that is left once more."""
    with closing(_Client(orthanc, outcome, 0)) as client:
        for name in list(outcome.kept):
            client.read(name)


class _Client:
    """One of them."""

    def __init__(self, orthanc: Orthanc, outcome: Outcome, number: int) -> None:
        self._connection = Connection(orthanc.port)
        self._outcome = outcome
        self._random = random.Random(number)
        self._hand: list[bytes] = []
        self._mine: list[str] = []

    def work(self, todo: Iterator[int]) -> None:
        """Until nothing is left to do."""
        for number in todo:
            name = self._store()
            if name is None:
                continue
            self._mine.append(name)
            self.read(self._random.choice(self._mine))
            self._ask("GET", f"/instances/{name}/tags")
            if number % 2:
                self._delete(self._mine.pop(self._random.randrange(len(self._mine))))

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def read(self, name: str) -> None:
        """Reads an instance and compares it with what was stored."""
        found = self._ask("GET", f"/instances/{name}/file")
        if found is not None and hashlib.sha256(found).hexdigest() != self._outcome.kept[name]:
            self._outcome.damaged.append(name)

    def _store(self) -> str | None:
        if not self._hand:
            self._hand = dicom.instances(_HAND)
        data = self._hand.pop()
        answer = self._ask("POST", "/instances", data)
        if answer is None:
            return None
        name = str(json.loads(bytes(answer))["ID"])
        self._outcome.kept[name] = hashlib.sha256(data).hexdigest()
        self._outcome.stored += 1
        return name

    def _delete(self, name: str) -> None:
        if self._ask("DELETE", f"/instances/{name}") is not None:
            del self._outcome.kept[name]

    def _ask(self, method: str, path: str, body: bytes = b"") -> memoryview | None:
        started = time.monotonic()
        try:
            return self._connection.send(Request(method, path, body))
        except (RuntimeError, OSError) as error:
            self._outcome.errors.append(str(error))
            return None
        finally:
            self._outcome.longest = max(self._outcome.longest, time.monotonic() - started)


class Weather:
    """Bad weather on a network from entry to exit: faults of single answers all the time, and stalls now and then."""

    def __init__(self, wan: Wan, *, stall: float, fair: float, **faults: float) -> None:
        """`stall`: seconds of each stall. `fair`: seconds between two. `faults`: see wan_relay.Conditions."""
        self._wan = wan
        self._stall = stall
        self._fair = fair
        self._faults = faults
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._change)
        self.stalls = 0

    def _change(self) -> None:
        while not self._over.wait(self._fair):
            self._wan.change(stall=True)
            self.stalls += 1
            self._over.wait(self._stall)
            self._wan.change(stall=False)

    def __enter__(self) -> Self:
        self._wan.change(**self._faults)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._wan.change(**dict.fromkeys(self._faults, 0.0))
