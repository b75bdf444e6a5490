"""The C code under valgrind and under the compilers' sanitizers.

Python leaves much of its memory to the end of the process, so a leak counts when one of our C files allocated it. Any
access to memory that is not there counts, whoever made it: the memory that Python works on is the host's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from native_shim import build_shim
from storage_plugins.disk import sealed
from storage_plugins.disk.sealed import BLOCK
from tests.native import backends
from tests.native.host import HERE, Environment, FakeHost, build_host, uuid

A, BAD, DIES, NONE = uuid(1), uuid(2), uuid(3), uuid(4)

SECTION = {
    "Backend": backends.NAME,
    "Options": {"Faults": {BAD: "fail-after-allocate", DIES: "Untellable", NONE: "no-allocate"}},
}
SCRIPT = [
    f"create {A} 1 616263 1000",
    f"create {A} 2 null 0",
    f"read {A} 1",
    f"read {A} 2",
    f"range {A} 1 10 100",
    f"range {A} 1 10 1000",
    f"read {A} 3",
    f"read {BAD} 1",
    f"read {DIES} 1",
    f"read {NONE} 1",
    r"create \xff%s%n 1 61 4",
    f"create {A} 1 null -1",
    f"remove {A} 1",
    "fail-allocations on",
    f"read {A} 2",
    "fail-allocations off",
    "threads 4 50 1000",
    "metrics",
    "background 2",
    "sleep 50",
    "unload",
    "load",
    f"create {A} 1 616263 1000",
    f"read {A} 1",
]
CODES = [0, 0, 0, 0, 0, 41, 13, 20, 32, 32, 3, 3, 0, 4, 0, 0]
# Before 1.9.0 there are no ranges (-1), and a read does not need memory of the host.
FIRST_GENERATION = [0, 0, 0, 0, -1, -1, 13, 20, 32, 32, 3, 3, 0, 0, 0, 0]

# The same for files of this machine, which need no worker.
FILES_SCRIPT = [
    f"create {A} 1 616263 1000",
    f"create {A} 1 616263 1001",
    f"create {A} 2 null 0",
    f"create {BAD} 1 616263 1000",
    f"read {BAD} 1",
    f"range {BAD} 1 10 100",
    f"range {BAD} 1 10 1000",
    f"read {NONE} 1",
    "read 00 1",
    "fail-allocations on",
    f"read {BAD} 1",
    "fail-allocations off",
    f"remove {A} 1",
    "threads 4 50 1000",
    "metrics",
    "unload",
    "load",
    f"read {BAD} 1",
    f"create {A} 1 61 1",
]
FILES_CODES = [0, 0, 0, 0, 0, 0, 41, 13, 3, 4, 0, 0, 0]

# The same for sealed files, of which some are damaged. What is not served from them, an empty store is asked for.
SIZES = [0, 1, BLOCK, BLOCK + 1, 5 * BLOCK + 10]
SEALED_SCRIPT = [
    *(f"read {uuid(number)} 1" for number in range(len(SIZES) + 4)),
    f"range {uuid(4)} 1 10 {3 * BLOCK}",
    f"range {uuid(4)} 1 {5 * BLOCK + 5} 5",
    f"range {uuid(4)} 1 {5 * BLOCK + 5} 6",
    f"range {uuid(0)} 1 0 0",
    "fail-allocations on",
    f"read {uuid(4)} 1",
    "fail-allocations off",
    "threads 4 50 1000",
    "metrics",
    "unload",
    "load",
    f"read {uuid(4)} 1",
]
SEALED_CODES = [*[0] * len(SIZES), *[13] * 4, 0, 0, 13, 0, 13, 0]

_FOLDERS = (Path(build_shim.__file__).parent, HERE / "fake_orthanc")
OURS = {path.name for folder in _FOLDERS for path in folder.glob("*.c")}

LEAKS = {"Leak_DefinitelyLost", "Leak_PossiblyLost", "Leak_IndirectlyLost", "Leak_StillReachable"}


def _files(tmp_path: Path) -> dict[str, Any]:
    return {"Options": {"Path": str(tmp_path / "root")}}


def _sealed(tmp_path: Path) -> dict[str, Any]:
    folder = tmp_path / "sealed"
    folder.mkdir()
    paths = [folder / f"{uuid(number)}.dcm" for number in range(len(SIZES) + 4)]
    for path, size in zip(paths, [*SIZES, 5, 5 * BLOCK, 10, 70 << 20], strict=True):
        sealed.write(str(path), path.name, bytes(size), sync=False)
    data_lost, sum_lost, foreign, too_large = paths[len(SIZES) :]
    data_lost.write_bytes(b"1" + data_lost.read_bytes()[1:])
    os.truncate(sum_lost, 5 * BLOCK + 3)
    foreign.write_bytes(b"OSPSEAL1" + b"\xff" * 16)
    assert too_large.stat().st_size > 70 << 20
    return {"Backend": backends.NAME, "Layout": "flat", "Options": {"Sealed": str(folder)}}


@pytest.mark.parametrize("backend", ["faulty", "files", "sealed"])
def test_valgrind_finds_nothing(program: Path, plugin: Path, tmp_path: Path, backend: str) -> None:
    """No access to memory that is not there or has no value, and no leak of ours."""
    script, section, codes = {
        "faulty": (SCRIPT, SECTION, CODES),
        "files": (FILES_SCRIPT, _files(tmp_path), FILES_CODES),
        "sealed": (SEALED_SCRIPT, _sealed(tmp_path), SEALED_CODES),
    }[backend]
    report = tmp_path / "report.xml"
    valgrind = ["valgrind", "--leak-check=full", "--num-callers=30", "--xml=yes", f"--xml-file={report}"]
    outcome = FakeHost(program, plugin, tmp_path, wrapper=valgrind).run(script, section, seconds=240)
    errors = list(ET.parse(report).getroot().iter("error"))  # noqa: S314 - valgrind wrote it a moment ago

    assert codes == outcome.codes
    assert [] == [_shown(error) for error in errors if error.findtext("kind") not in LEAKS or _is_ours(error)]
    assert 0 == outcome.one("end")["leaked_buffers"]
    assert 0 == outcome.status


def _is_ours(error: ET.Element) -> bool:
    frames = error.findall("stack/frame")
    callers = [frame for frame in frames if "vgpreload" not in frame.findtext("obj", "")]
    return bool(callers) and callers[0].findtext("file") in OURS


def _shown(error: ET.Element) -> str:
    frames = [frame.findtext("fn", frame.findtext("obj", "?")) for frame in error.iterfind("stack/frame")]
    return f"{error.findtext('kind')}: {' < '.join(frames)}"


def test_sanitizers_find_nothing(environment: Environment, tmp_path: Path) -> None:
    """No access to memory that is not there, no undefined behaviour, no leak of ours, in both generations."""
    flags = ["-fsanitize=address,undefined", "-fno-omit-frame-pointer"]
    host = FakeHost(
        build_host(tmp_path / "fake-orthanc", flags),
        environment.build_plugin(tmp_path / "libOrthancStoragePlugins.so", " ".join(flags)),
        tmp_path,
    )
    # The leaks of Python would end every run with an error.
    variables = {"LSAN_OPTIONS": "exitcode=0"}
    for version, script, section, codes in (
        ("1.10.1", SCRIPT, SECTION, CODES),
        ("1.8.2", SCRIPT, SECTION, FIRST_GENERATION),
        ("1.10.1", FILES_SCRIPT, _files(tmp_path), FILES_CODES),
        ("1.10.1", SEALED_SCRIPT, _sealed(tmp_path), SEALED_CODES),
    ):
        outcome = host.run(script, section, arguments=["--version", version], environment=variables)

        assert codes == outcome.codes
        assert [] == re.findall(r"(?:ERROR: AddressSanitizer|runtime error).*", outcome.noise)
        assert [] == [leak for leak in _leaks(outcome.noise) if leak in OURS]
        assert "ERROR: LeakSanitizer: detected memory leaks" in outcome.noise, "nobody looked for leaks"
        assert 0 == outcome.status


def _leaks(report: str) -> Iterator[str]:
    """The C file that called the allocator, for each leak."""
    for leak in re.finditer(r"leak of .*\n *#0 .*\n *#1 \S+ in \S+ (\S+?):", report):
        yield Path(leak[1]).name
