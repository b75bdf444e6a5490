"""docs/recovery.md: an archive whose database is lost comes back, with the page's own program and commands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from storage_plugins.testing.orthanc import Orthanc
from tests import dicom
from tests.docs.pages import DOCS, snippets
from tests.docs.shell import Command, commands
from tests.servers import Servers

PAGE = DOCS / "recovery.md"
INSTANCES = 5


def command(program: str, *, having: str = "") -> Command:
    """The one on the page."""
    found = [one for snippet in snippets("sh") if snippet.page == PAGE for one in commands(snippet.text)]
    (chosen,) = [one for one in found if one.program == program and having in " ".join(one.words)]
    return chosen


def archive(folder: Path, section: dict[str, Any], **more: Any) -> Orthanc:
    """An Orthanc on a bucket."""
    return Orthanc(folder, {"StoragePlugins": section, **more})


def objects(bucket: Any) -> dict[str, bytes]:
    """All objects, by key."""
    return {key: bucket.read(key) for key in sorted(bucket.keys())}


@pytest.mark.parametrize("compressed", [False, True])
def test_the_database_is_lost(servers: Servers, tmp_path: Path, compressed: bool) -> None:
    """All instances are there again, under their names, and the old archive is as it was. It may be repeated."""
    server = servers.get("seaweedfs")
    old, new = server.bucket(f"lost-{compressed}".lower()), server.bucket(f"found-{compressed}".lower())
    section = {"Backend": "s3", "Options": server.options(old.bucket)}
    with archive(tmp_path / "before", section, StorageCompression=compressed) as orthanc:
        data = {orthanc.upload(one): one for one in (dicom.instance(seed) for seed in range(INSTANCES))}
    before = objects(old)

    (program,) = [snippet.text for snippet in snippets("python") if snippet.page == PAGE]
    (tmp_path / "rebuild.py").write_text(program)
    (description,) = [json.loads(snippet.text) for snippet in snippets("json") if snippet.page == PAGE]
    description["StoragePlugins"]["Options"] = section["Options"]
    (tmp_path / "old.json").write_text(json.dumps(description))
    words = command("python").words
    assert ("rebuild.py", "/root/old.json", "http://localhost:8042") == words[1:]
    section = {**section, "Options": server.options(new.bucket)}
    with archive(tmp_path / "after", section, StorageCompression=compressed) as orthanc:
        for _ in range(2):
            told = subprocess.run(
                [sys.executable, "rebuild.py", "old.json", orthanc.url],
                cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120,
            )  # fmt: skip
            assert f"{INSTANCES} of {INSTANCES} objects were taken" == told.stdout.strip()
        assert sorted(data) == sorted(orthanc.get("/instances").json())
        for name, content in data.items():
            assert content == orthanc.get(f"/instances/{name}/file").body
        asked = command("curl").words[-1].removeprefix("http://localhost:8042")
        assert INSTANCES == orthanc.get(asked).json()["CountInstances"]
    assert before == objects(old)
    for medium in (old, new):
        medium.remove()
