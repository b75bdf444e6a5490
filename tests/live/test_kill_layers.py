"""Orthanc is killed again and again, in bad weather, with all layers on: what was acknowledged holds."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException

import pytest

from storage_plugins.testing.orthanc import Orthanc
from tests import dicom
from tests.live.archive import Archive, digest, drained, until
from tests.live.conftest import Launch

CLIENTS = 16
LAYERS = ("Cache", "WriteBehind", "DelayedDeletion")


@dataclass
class Told:
    """What clients sent, and what Orthanc acknowledged. Instances by Orthanc's identifier, contents by SHA-256."""

    seeds: Iterator[int] = field(default_factory=itertools.count)
    sent: set[str] = field(default_factory=set)
    stored: dict[str, str] = field(default_factory=dict)
    asked_to_delete: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)


class Weather:
    """From entry to exit: outages, resets, answers that never come, stalls, one after the other."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._cycle)

    def _cycle(self) -> None:
        fair: dict[str, float] = {"refuse": False, "stall": False, "reset": 0.0, "lost": 0.0}
        kinds: tuple[dict[str, float], ...] = (
            {"refuse": True, "stall": True},
            {"reset": 0.05},
            {"lost": 0.05},
            {"stall": True},
            {},
        )
        for bad in itertools.cycle(kinds):
            self._archive.wan.change(**fair | bad)
            if self._over.wait(1.5):
                break
        self._archive.wan.change(**fair)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def test_kills(make: Launch, archive: Archive) -> None:
    """A few."""
    _check(make, archive, rounds=5)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_many_kills(make: Launch, archive: Archive) -> None:
    """Fifty."""
    _check(make, archive, rounds=50)


def _check(make: Launch, archive: Archive, rounds: int) -> None:
    source = random.Random(rounds)
    told = Told()
    templates = [dicom.instance(seed, pixels=100 << 10) for seed in range(4)]
    orthanc = make(archive.section(*LAYERS))
    with Weather(archive):
        for _ in range(rounds):
            orthanc.start()
            _work_until_killed(orthanc, told, templates, 0.3 + 3 * source.random())
    orthanc.start()
    until(lambda: drained(orthanc), 300)
    assert 0 == orthanc.stop()

    assert [] == told.errors
    assert [] == list((archive.folder / "WriteBehind" / "pending").iterdir())
    assert [] == list((archive.folder / "WriteBehind" / "damaged").iterdir())
    with make(archive.section()) as alone:  # from here on without the layers and their folders
        _compare(alone, archive, told, rounds)


def _compare(orthanc: Orthanc, archive: Archive, told: Told, rounds: int) -> None:
    there = orthanc.get("/instances").json()
    contents = {instance: digest(orthanc.get(f"/instances/{instance}/file").body) for instance in there}
    for instance, content in told.stored.items():
        if instance not in told.asked_to_delete:
            assert content == contents.get(instance), f"instance {instance} was acknowledged"
    assert set() == told.deleted & set(there)

    objects = archive.digests()
    assert len(objects) == len(set(objects))  # none twice
    assert set(contents.values()) <= set(objects)
    left = set(objects) - set(contents.values())
    assert left <= told.sent
    assert set() == left & {told.stored[instance] for instance in told.deleted}
    # Orthanc itself stores a file before it knows the instance, and forgets an instance before it removes the file:
    # of the requests that a kill has cut, it does not know the files any more, with any storage.
    assert len(left) <= rounds * CLIENTS
    assert len(told.stored) > rounds * CLIENTS
    print(
        f"{rounds} kills: {len(told.stored)} stored, {len(told.deleted)} deleted, {len(left)} objects of cut requests"
    )


def _work_until_killed(orthanc: Orthanc, told: Told, templates: list[bytes], seconds: float) -> None:
    killed = threading.Event()

    def client(number: int) -> None:
        chance = random.Random(number)
        mine: list[str] = []
        while not killed.is_set():
            try:
                mine.append(_store(orthanc, told, templates))
                _read(orthanc, told, chance.choice(mine))
                if chance.random() < 0.4:
                    _delete(orthanc, told, mine.pop(chance.randrange(len(mine))))
            except (OSError, HTTPException):
                return

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client, number) for number in range(CLIENTS)]
        time.sleep(seconds)
        orthanc.kill()
        killed.set()
        for running in clients:
            running.result()


def _store(orthanc: Orthanc, told: Told, templates: list[bytes]) -> str:
    seed = next(told.seeds)
    data = dicom.variant(templates[seed % len(templates)], seed)
    told.sent.add(digest(data))
    answer = orthanc.post("/instances", data)
    if answer.status != 200:
        told.errors.append(f"store: {answer.status}")
        raise OSError
    instance = str(answer.json()["ID"])
    told.stored[instance] = digest(data)
    return instance


def _read(orthanc: Orthanc, told: Told, instance: str) -> None:
    answer = orthanc.get(f"/instances/{instance}/file")
    if (answer.status, digest(answer.body)) != (200, told.stored[instance]):
        told.errors.append(f"read of {instance}: {answer.status}")


def _delete(orthanc: Orthanc, told: Told, instance: str) -> None:
    told.asked_to_delete.add(instance)
    answer = orthanc.delete(f"/instances/{instance}")
    if answer.status == 200:
        told.deleted.add(instance)
    else:
        told.errors.append(f"delete of {instance}: {answer.status}")
