"""Files of this machine, which Orthanc's threads write and read without a worker."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.native import backends
from tests.native.host import FakeHost, uuid

A, ABSENT = uuid(1), uuid(2)

pytestmark = pytest.mark.parametrize("layout", ["flat", "legacy"])


def local(root: Path, layout: str, backend: str = "local") -> dict[str, Any]:
    """A section whose files lie below `root`, under a prefix with a character that needs UTF-8."""
    return {"Backend": backend, "Layout": layout, "Prefix": "arch%sives/ü", "Options": {"Path": str(root)}}


@pytest.mark.parametrize("version", ["1.8.2", "1.10.1"])
def test_they_do_not_ask_the_store(host: FakeHost, tmp_path: Path, layout: str, version: str) -> None:
    """A store that can do nothing is not noticed, for any content type, and what was done is counted."""
    section = local(tmp_path / "root", layout, backends.UNTOUCHED_FILES)
    script = [f"create {A} 3 616263 6", f"read {A} 3", "metrics", f"read {A} 3", "metrics"]
    if version != "1.8.2":
        script[2:2] = [f"range {A} 3 1 4", f"range {A} 3 6 0"]
    outcome = host.run(script, section, arguments=("--version", version))
    first, second = (answer["values"] for answer in outcome.all("metrics"))

    assert {0} == set(outcome.codes)
    assert ["616263616263"] * 2 == [answer["bytes"] for answer in outcome.all("read")]
    assert [1, 2] == [values["storage_plugins_read_success_total"] for values in (first, second)]
    assert [6, 12] == [values["storage_plugins_read_bytes"] for values in (first, second)]
    assert 1 == second["storage_plugins_put_success_total"]
    assert 6 == second["storage_plugins_put_bytes"]
    assert 0 < second["storage_plugins_put_seconds"] < 1
    assert 0 < first["storage_plugins_read_seconds"] < second["storage_plugins_read_seconds"] < 1
    if version != "1.8.2":
        assert ["62636162", ""] == [answer["bytes"] for answer in outcome.all("range")]
        assert 2 == second["storage_plugins_read_range_success_total"]
        assert 4 == second["storage_plugins_read_range_bytes"]


def test_a_file_that_exists_is_replaced(host: FakeHost, tmp_path: Path, layout: str) -> None:
    """The second one replaces the first, and nothing of either is left beside it."""
    root = tmp_path / "root"
    script = [f"create {A} 1 616263 6", f"create {A} 1 64 3", f"read {A} 1", f"create {A} 0 null 0", f"read {A} 0"]
    outcome = host.run(script, local(root, layout))
    files = [path for path in root.rglob("*") if path.is_file()]

    assert [0, 0, 0, 0, 0] == outcome.codes
    assert ["646464", ""] == [answer["bytes"] for answer in outcome.all("read")]
    assert {"flat": 2, "legacy": 1}[layout] == len(files)


@pytest.mark.parametrize("sync", [True, False])
def test_what_a_durable_create_does(host: FakeHost, tmp_path: Path, layout: str, *, sync: bool) -> None:
    """The file is on the disk before it gets its name, then its folder, then once every folder above it."""
    spy = tmp_path / "spy.so"
    source = Path(__file__).parent / "spy_sync.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(spy), str(source)], check=True)
    section = local(tmp_path / "root", layout, backends.UNTOUCHED_FILES)
    section["Options"]["Sync"] = sync
    same, other = A[:35] + "9", "1" + A[1:]
    script = [f"create {name} 1 61 1" for name in (A, same, other)]
    log = tmp_path / "log"
    outcome = host.run(script, section, environment={"LD_PRELOAD": str(spy), "SPY_SYNC": str(log)})
    made = log.read_text().replace(str(tmp_path / "root"), ".").splitlines()
    calls = [call for call in made if ".incoming" not in call]  # the store's own check at the start
    top = "./arch%sives/ü"
    named = [top, "./arch%sives", "."]
    expected = {
        "legacy": [
            "sync nameless", f"link {top}/00/00/{A}", f"sync {top}/00/00", f"sync {top}/00",
            *(f"sync {folder}" for folder in named),
            "sync nameless", f"link {top}/00/00/{same}", f"sync {top}/00/00",
            "sync nameless", f"link {top}/10/00/{other}", f"sync {top}/10/00", f"sync {top}/10",
            *(f"sync {folder}" for folder in named),
        ],
        "flat": [
            "sync nameless", f"link {top}/{A}.dcm", *(f"sync {folder}" for folder in named),
            "sync nameless", f"link {top}/{same}.dcm", f"sync {top}",
            "sync nameless", f"link {top}/{other}.dcm", f"sync {top}",
        ],
    }[layout]  # fmt: skip

    assert [0, 0, 0] == outcome.codes
    assert [call for call in expected if sync or call.startswith("link")] == calls


def test_what_goes_wrong_is_told_by_the_store(host: FakeHost, tmp_path: Path, layout: str) -> None:
    """Code and message are those of the store, and nothing is left open or allocated."""
    root = tmp_path / "root"
    script = [
        "descriptors",
        f"create {A} 1 616263 6",
        f"read {ABSENT} 1",
        f"range {ABSENT} 1 0 1",
        f"range {A} 1 4 3",
        f"range {A} 1 18446744073709551615 2",
        "fail-allocations on",
        f"read {A} 1",
        "fail-allocations off",
        "descriptors",
    ]
    outcome = host.run(script, local(root, layout))

    assert [0, 13, 13, 41, 41, 4] == outcome.codes
    assert all("Cannot read" in text for text in outcome.texts("E"))
    before, after = (answer["count"] for answer in outcome.all("descriptors"))
    assert before == after
    assert 0 == outcome.one("end")["leaked_buffers"]


@pytest.mark.parametrize(("size", "code"), [(5, 20), (7, 20), (6, 0), (None, 0)])
def test_the_size_is_compared(host: FakeHost, tmp_path: Path, layout: str, size: int | None, code: int) -> None:
    """A file that has not the size that was stored is corrupt; one that never had the attribute is what it is."""
    root = tmp_path / "root"
    host.run([f"create {A} 1 616263 6"], local(root, layout))
    (file,) = (path for path in root.rglob(f"{A}*") if path.is_file())
    if size is None:
        os.removexattr(file, "user.orthanc.size")
        file.write_bytes(b"other")
    else:
        os.truncate(file, size)
    outcome = host.run([f"read {A} 1"], local(root, layout))

    assert [code] == outcome.codes


def test_they_end_with_the_store(host: FakeHost, tmp_path: Path, layout: str) -> None:
    """After the stop nothing is served, also not from a file."""
    script = [f"create {A} 1 61 1", "finalize", f"range {A} 1 0 1", f"read {A} 1", f"create {ABSENT} 1 61 1"]
    outcome = host.run(script, local(tmp_path / "root", layout))

    assert [0, 32, 32, 32] == outcome.codes


def test_what_only_python_takes_for_a_uuid(host: FakeHost, tmp_path: Path, layout: str) -> None:
    """A uuid in capitals, and a content type that is not Orthanc's, go to the store."""
    capitals = A.replace("0", "A")
    outcome = host.run(
        [f"create {capitals} 1 61 1", f"read {capitals} 1", f"create {A} 1024 61 1", f"read {A} 1024"],
        local(tmp_path / "root", layout),
    )

    assert [0, 0, 0, 0] == outcome.codes
