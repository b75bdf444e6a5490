"""The contract in a bucket that the environment names, as one has it at a real cloud."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.servers import Servers
from tests.servers.proxy import Proxy

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("name", "server"), [("s3", "seaweedfs"), ("azure", "azurite"), ("gcs", "fake-gcs")])
def test_a_bucket_by_name(name: str, server: str, servers: Servers) -> None:
    """The checks run there with both engines, below a prefix of their own, and leave nothing but what was there."""
    bucket = f"b{uuid.uuid4().hex[:20]}"
    medium = servers.get(server).bucket(bucket)
    medium.write("theirs", b"1")
    checks = [
        f"tests/contract/test_contract.py::test_contract[live_{name}_{engine}-put reaches the medium]"
        for engine in ("obstore", "sdk")
    ]
    with Proxy(f"127.0.0.1:{servers.get(server).port}") as proxy:
        options = json.dumps(servers.get(server).options(bucket, proxy.endpoint))
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *checks],
            cwd=ROOT,
            env={**os.environ, f"STORAGE_TEST_{name.upper()}": options},
            capture_output=True,
            text=True,
            check=False,
        )
        agents = {one.headers["User-Agent"].startswith("object_store") for one in proxy.seen}
        written = [one.path for one in proxy.seen if len(one.body) > 4000]

    assert 0 == run.returncode, run.stdout + run.stderr
    assert "2 passed" in run.stdout
    assert {True, False} == agents
    assert written
    assert {"theirs"} == medium.keys()
    medium.remove()


def test_nothing_is_named() -> None:
    """Then there is nothing to skip."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--collect-only", "tests/contract"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("STORAGE_TEST_")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "[live_" not in run.stdout
    assert "[memory-" in run.stdout
