"""Minutes of mixed load on a real Orthanc: nothing grows."""

from __future__ import annotations

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage_plugins.testing.orthanc import Orthanc
from tests import dicom

WARM_UP = 60
MINUTES = 4
CLIENTS = 8


@pytest.mark.soak
@pytest.mark.timeout(WARM_UP + MINUTES * 60 + 120)
def test_nothing_grows(orthanc: Orthanc) -> None:
    """Memory, open files and threads of Orthanc are the same after minutes of storing, reading and deleting."""
    templates = [dicom.instance(seed, pixels=200 << 10) for seed in range(4)]
    _load(orthanc, templates, WARM_UP)
    before = _usage(orthanc.pid)

    calls = _load(orthanc, templates, MINUTES * 60)

    after = _usage(orthanc.pid)
    print(f"{calls} rounds; memory MiB, open files, threads: before {before}, after {after}")
    assert after[0] < before[0] + 16
    assert after[1] <= before[1] + 4
    assert after[2] <= before[2] + 2
    assert 0 == orthanc.stop()
    assert [] == [path for path in orthanc.storage.rglob("*") if path.is_file()]


def _load(orthanc: Orthanc, templates: list[bytes], seconds: float) -> int:
    end = time.monotonic() + seconds

    def client(number: int) -> int:
        source = random.Random(number)
        rounds = 0
        while time.monotonic() < end:
            data = dicom.relabel(templates[number % len(templates)], source.randrange(10**11) * 10 + number)
            instance = orthanc.upload(data)
            assert data == orthanc.get(f"/instances/{instance}/file").body
            assert 200 == orthanc.get(f"/instances/{instance}/tags").status
            assert 200 == orthanc.delete(f"/instances/{instance}").status
            rounds += 1
        return rounds

    with ThreadPoolExecutor(CLIENTS) as pool:
        return sum(pool.map(client, range(CLIENTS)))


def _usage(pid: int) -> tuple[float, int, int]:
    """Resident memory in MiB, open files, threads."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0]) / 1024, len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"])
