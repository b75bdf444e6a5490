"""Reads of files of this machine, which need no worker."""

from __future__ import annotations

import os
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
    """A store that cannot read is not noticed, for any content type, and the reads are counted."""
    section = local(tmp_path / "root", layout, backends.LOCAL_WITHOUT_READS)
    script = [f"create {A} 3 616263 6", f"read {A} 3", "metrics", f"read {A} 3", "metrics"]
    if version != "1.8.2":
        script[2:2] = [f"range {A} 3 1 4", f"range {A} 3 6 0"]
    outcome = host.run(script, section, arguments=("--version", version))
    first, second = (answer["values"] for answer in outcome.all("metrics"))

    assert {0} == set(outcome.codes)
    assert ["616263616263"] * 2 == [answer["bytes"] for answer in outcome.all("read")]
    assert [1, 2] == [values["storage_plugins_read_success_total"] for values in (first, second)]
    assert [6, 12] == [values["storage_plugins_read_bytes"] for values in (first, second)]
    assert 0 < first["storage_plugins_read_seconds"] < second["storage_plugins_read_seconds"] < 1
    if version != "1.8.2":
        assert ["62636162", ""] == [answer["bytes"] for answer in outcome.all("range")]
        assert 2 == second["storage_plugins_read_range_success_total"]
        assert 4 == second["storage_plugins_read_range_bytes"]


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
    outcome = host.run([f"create {A} 1 61 1", "finalize", f"read {A} 1"], local(tmp_path / "root", layout))

    assert [0, 32] == outcome.codes


def test_what_only_python_takes_for_a_uuid(host: FakeHost, tmp_path: Path, layout: str) -> None:
    """A uuid in capitals, and a content type that is not Orthanc's, go to the store."""
    capitals = A.replace("0", "A")
    outcome = host.run(
        [f"create {capitals} 1 61 1", f"read {capitals} 1", f"create {A} 1024 61 1", f"read {A} 1024"],
        local(tmp_path / "root", layout),
    )

    assert [0, 0, 0, 0] == outcome.codes
