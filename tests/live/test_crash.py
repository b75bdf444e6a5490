"""Orthanc is killed while it stores: nothing acknowledged is lost, nothing is visible in part."""

from __future__ import annotations

import hashlib
import itertools
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

from storage_plugins.adapters.local import INCOMING
from storage_plugins.testing.orthanc import Orthanc, OrthancError
from tests import dicom
from tests.live.conftest import Launch

ROUNDS = 20
CLIENTS = 16


def test_kill_during_upload(make: Launch) -> None:
    """After each of 20 kills every acknowledged instance reads back the same, and every visible file is whole."""
    source = random.Random(1)
    acknowledged: dict[str, bytes] = {}
    sent: dict[bytes, int] = {}
    seeds = itertools.count()
    templates = [dicom.instance(seed, pixels=200 << 10) for seed in range(4)]
    orthanc = make({})
    for _ in range(ROUNDS):
        orthanc.start()
        _upload_until_killed(orthanc, seeds, templates, acknowledged, sent, 0.1 + source.random() / 2)
        _check_folder(orthanc.storage, sent)
    orthanc.start()
    for instance, digest in acknowledged.items():
        answer = orthanc.get(f"/instances/{instance}/file")
        assert (200, digest) == (answer.status, hashlib.sha256(answer.body).digest())
    assert len(acknowledged) > ROUNDS * CLIENTS
    assert 0 == orthanc.stop()


def _upload_until_killed(
    orthanc: Orthanc,
    seeds: itertools.count[int],
    templates: list[bytes],
    acknowledged: dict[str, bytes],
    sent: dict[bytes, int],
    seconds: float,
) -> None:
    killed = threading.Event()

    def client() -> None:
        while not killed.is_set():
            seed = next(seeds)
            data = dicom.variant(templates[seed % len(templates)], seed)
            digest = hashlib.sha256(data).digest()
            sent[digest] = len(data)
            try:
                acknowledged[orthanc.upload(data)] = digest
            except (OSError, HTTPException, OrthancError):
                return

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client) for _ in range(CLIENTS)]
        time.sleep(seconds)
        orthanc.kill()
        killed.set()
        for running in clients:
            running.result()


def _check_folder(storage: Path, sent: dict[bytes, int]) -> None:
    for path in storage.rglob("*"):
        if path.is_file() and INCOMING not in path.parts:
            assert hashlib.sha256(path.read_bytes()).digest() in sent, f"{path} is no whole file"
