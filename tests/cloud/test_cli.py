"""The command on a cloud."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from storage_plugins.cli import main
from tests.servers import Servers

CLOUDS = {"seaweedfs": "s3", "azurite": "azure", "fake-gcs": "gcs"}


def run(tmp_path: Path, section: dict[str, Any], *arguments: str) -> Result:
    """The command with a configuration file."""
    file = tmp_path / "orthanc.json"
    file.write_text(json.dumps({"StoragePlugins": section}))
    return CliRunner().invoke(main, [arguments[0], "-c", str(file), *arguments[1:]])


@pytest.mark.parametrize("cloud", CLOUDS)
def test_check(servers: Servers, tmp_path: Path, cloud: str) -> None:
    """Latencies per verb, all promises, and nothing left behind."""
    name = f"b{uuid.uuid4().hex[:20]}"
    server = servers.get(cloud)
    medium = server.bucket(name)
    section = {"Backend": CLOUDS[cloud], "Prefix": "archive", "Options": server.options(name)}

    result = run(tmp_path, section, "check", "--largest", "1")
    left = medium.keys()
    medium.remove()

    assert 0 == result.exit_code, result.output
    for verb in ("write", "read", "read a range", "delete"):
        assert re.search(rf"^│ {verb} +│ +[\d.]+ │ +[\d.]+ │ +[\d.]+ │$", result.output, re.MULTILINE)
    assert "22 of 22 promises kept" in result.output
    assert set() == left


def test_check_says_why_it_cannot(servers: Servers, tmp_path: Path) -> None:
    """The verb, the reason and the remedy, in one line."""
    options = servers.get("seaweedfs").options("nobody-made-it")

    result = run(tmp_path, {"Backend": "s3", "Options": options}, "check")

    assert 1 == result.exit_code
    (line,) = result.output.splitlines()
    assert "the storage does not work, cannot write an object" in line
    assert "NoSuchBucket" in line
    assert "Create the bucket" in line
