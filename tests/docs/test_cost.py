"""docs/cost.md: the requests are those that are sent, and the table is what the script computes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from storage_plugins.testing.orthanc import Orthanc
from tests import dicom
from tests.docs.pages import DOCS, ROOT, snippets
from tests.docs.shell import commands
from tests.servers import Servers
from tests.servers.proxy import Proxy

PAGE = DOCS / "cost.md"


def listed() -> dict[str, tuple[int, int, int]]:
    """Writes, reads and deletes by what Orthanc is asked for, as the page says."""
    rows = re.findall(r"^\| (.+?) \| (\d+) \| (\d+) \| (\d+) \|$", PAGE.read_text(), re.MULTILINE)
    return {what: (int(writes), int(reads), int(deletes)) for what, writes, reads, deletes in rows}


def test_requests(servers: Servers, tmp_path: Path) -> None:
    """A real Orthanc is asked for each, and what it sends is counted."""
    server = servers.get("seaweedfs")
    bucket = server.bucket("cost")
    with Proxy(f"127.0.0.1:{server.port}") as proxy:
        section = {"Backend": "s3", "Options": server.options(bucket.bucket, f"http://127.0.0.1:{proxy.port}")}
        counted: dict[str, set[tuple[int, int, int]]] = {}

        def count(what: str) -> None:
            methods = Counter(proxy.requests())
            assert set(methods) <= {"PUT", "GET", "DELETE"}
            counted.setdefault(what, set()).add((methods["PUT"], methods["GET"], methods["DELETE"]))

        with Orthanc(tmp_path / "orthanc", {"StoragePlugins": section}) as orthanc:
            count("start Orthanc")
            name = orthanc.upload(dicom.sample())
            count("store it")
            (study,) = orthanc.get("/studies").json()
            for path in (f"/instances/{name}/file", f"/instances/{name}/preview", f"/studies/{study}/archive"):
                assert 200 == orthanc.get(path).status
                count("read it: file, preview, each of an archive")
            for path in (f"/instances/{name}/tags", f"/instances/{name}/simplified-tags"):
                assert 200 == orthanc.get(path).status
                count("its tags")
            for path in ("/studies?expand", f"/instances/{name}", f"/studies/{study}"):
                assert 200 == orthanc.get(path).status
                count("lists, searches, main tags")
            assert 200 == orthanc.post("/tools/find", b'{"Level": "Study", "Query": {"PatientID": "*"}}').status
            count("lists, searches, main tags")
            assert 200 == orthanc.delete(f"/instances/{name}").status
            count("delete it")
    bucket.remove()
    assert {what: {requests} for what, requests in listed().items()} == counted


def test_the_command(tmp_path: Path) -> None:
    """The command of the page computes what follows from the prices."""
    (command,) = [command for snippet in snippets("sh") if snippet.page == PAGE for command in commands(snippet.text)]
    prices = {"Name": "x", "WriteMillion": 7, "ReadMillion": 2, "StoreGBMonth": 0.1, "ReadGB": 0.01, "LeaveGB": 1}
    (tmp_path / "my-prices.json").write_text(json.dumps({"Clouds": [prices]}))
    shutil.copytree(ROOT / "script", tmp_path / "script")
    told = subprocess.run(
        [sys.executable, *command.words[1:]], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=30
    ).stdout
    #           write  half of: 1 read each, 525 GB  twice: 1 read, 5 GB   525 GB
    expected = [7, 0.5 * (2 + 525 * 0.01), 2 * (2 + 5 * 0.01), 525, 52.5, 6300]
    assert expected == pytest.approx(
        [float(cell.replace(",", "")) for cell in told.splitlines()[-1].split("|")[2:-1]], abs=0.01
    )


def test_the_date_of_the_prices() -> None:
    """The page says of when the examples are."""
    assert json.loads((DOCS / "prices.json").read_text())["Date"] in PAGE.read_text()
