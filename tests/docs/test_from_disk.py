"""docs/from-disk.md: the files of an Orthanc go to a bucket while it runs, as the page says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from storage_plugins.cli import main
from storage_plugins.testing.orthanc import Orthanc
from tests import dicom
from tests.docs.pages import DOCS, snippets
from tests.servers import Servers

PAGE = DOCS / "from-disk.md"


def test_all_files_to_the_cloud(servers: Servers, tmp_path: Path) -> None:
    """Hybrid, copied, without the disk: every instance can be read at each step, and the counts agree."""
    server = servers.get("seaweedfs")
    bucket = server.bucket("from-disk")
    folder = tmp_path / "orthanc"
    database = {"IndexDirectory": str(folder / "storage")}  # Debian has both in one folder

    with Orthanc(folder, database, plugins=[]) as orthanc:
        data = {orthanc.upload(one): one for one in (dicom.instance(seed) for seed in range(3))}

    def check(orthanc: Orthanc) -> None:
        for name, content in data.items():
            assert content == orthanc.get(f"/instances/{name}/file").body

    hybrid, legacy = (
        json.loads(snippet.text)["StoragePlugins"] for snippet in snippets("json") if snippet.page == PAGE
    )
    assert legacy == {**hybrid, "Layout": "legacy"}
    section: dict[str, Any] = {**legacy, "Options": server.options(bucket.bucket)}
    with Orthanc(folder, {**database, "StoragePlugins": section}) as orthanc:
        check(orthanc)
        new = orthanc.upload(dicom.instance(7))
        data[new] = dicom.instance(7)
        check(orthanc)
        for file in sorted((folder / "storage").glob("??/??/*")):
            bucket.write(file.relative_to(folder / "storage").as_posix(), file.read_bytes())
        assert 3 == _count(folder)
        assert 1 + 3 + 1 == _listed(tmp_path, section)

    del section["HybridMode"]
    for file in (folder / "storage").glob("??/??/*"):
        file.unlink()
    with Orthanc(folder, {**database, "StoragePlugins": section}) as orthanc:
        check(orthanc)
        assert 200 == orthanc.delete(f"/instances/{new}").status
        assert 3 == len(bucket.keys())
    bucket.remove()


def _shell() -> list[str]:
    """The lines that count."""
    (block,) = [snippet.text for snippet in snippets("sh") if snippet.page == PAGE and not snippet.unchecked]
    return block.splitlines()


def _count(folder: Path) -> int:
    find = _shell()[0].replace("/var/lib/orthanc/db-v6", str(folder / "storage"))
    return int(subprocess.run(["sh", "-c", find], capture_output=True, text=True, check=True, timeout=30).stdout)


def _listed(folder: Path, section: dict[str, Any]) -> int:
    """Lines of `orthanc-storage ls`."""
    assert "orthanc-storage ls | wc -l" == _shell()[1]
    (folder / "hybrid.json").write_text(json.dumps({"StoragePlugins": section}))
    return len(CliRunner().invoke(main, ["ls", "-c", str(folder / "hybrid.json")]).stdout.splitlines())
