"""Sealed files of a cache, which Orthanc's threads read without a worker.

The memory of the store below is empty: whatever is not served from a file is an error.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage_plugins.disk import sealed
from storage_plugins.disk.sealed import BLOCK
from storage_plugins.keys import Layout, Naming
from tests.native import backends
from tests.native.host import FakeHost, uuid

PREFIX = "arch%sives/ü"
SIZES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 4 * BLOCK + 100, (10 << 20) + 7]
MOST = 900
"""Blocks of the largest object that is read here."""

A = uuid(1)


def section(folder: Path, layout: str = "flat") -> dict[str, Any]:
    """A store that offers the sealed files of a folder."""
    return {"Backend": backends.NAME, "Layout": layout, "Prefix": PREFIX, "Options": {"Sealed": str(folder)}}


def content(size: int) -> bytes:
    """Zeros, and at both ends of each block what tells it from the others."""
    data = bytearray(size)
    for at in range(0, size, BLOCK):
        mark = b"%d" % (at // BLOCK + 1)
        data[at : at + len(mark)] = mark[: size - at]
        end = min(at + BLOCK, size)
        data[end - 1] = 255 - at // BLOCK % 200
    return bytes(data)


def shown(data: bytes) -> str:
    """As the host tells it: all of it, or FNV-1a, for which a run of zeros is one step."""
    if len(data) <= 64:
        return data.hex()
    digest, prime = 0xCBF29CE484222325, 0x100000001B3
    for run in re.finditer(rb"\0+|[^\0]+", data):
        if run[0][0] == 0:
            digest = digest * pow(prime, len(run[0]), 1 << 64) % (1 << 64)
        else:
            for byte in run[0]:
                digest = (digest ^ byte) * prime % (1 << 64)
    return f"fnv1a:{digest:016x}"


def place(folder: Path, name: str, layout: str = "flat") -> tuple[str, Path]:
    """Key and file of an attachment of type 1."""
    key = Naming(Layout(layout), PREFIX).key(name, 1)
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    return key, path


def made(folder: Path, name: str, size: int, layout: str = "flat") -> Path:
    """A sealed file with `content`."""
    key, path = place(folder, name, layout)
    sealed.write(str(path), key, content(size), sync=False)
    return path


def served(folder: Path) -> int:
    """How many reads the store was told of."""
    return int(Path(f"{folder}.served").read_text())


def points(size: int) -> list[int]:
    """Offsets at, before and behind some borders of blocks, and at the ends."""
    near = {at + off for at in (0, BLOCK, 2 * BLOCK, 3 * BLOCK, 5 * BLOCK, size) for off in (-1, 0, 1)}
    return sorted(at for at in near if 0 <= at <= size)


@pytest.mark.parametrize("layout", ["flat", "legacy"])
def test_whole_objects(host: FakeHost, tmp_path: Path, layout: str) -> None:
    """Of any size: no worker is asked, and store and metrics are told how many there were."""
    folder = tmp_path / "objects"
    for number, size in enumerate(SIZES):
        made(folder, uuid(number), size, layout)
    script = [f"read {uuid(number)} 1" for number in range(len(SIZES))]
    outcome = host.run([*script, "metrics"], section(folder, layout))

    assert {0} == set(outcome.codes)
    assert SIZES == [answer["size"] for answer in outcome.all("read")]
    assert [shown(content(size)) for size in SIZES] == [answer["bytes"] for answer in outcome.all("read")]
    assert len(SIZES) == served(folder)
    values = outcome.one("metrics")["values"]
    assert len(SIZES) == values["storage_plugins_read_success_total"]
    assert sum(SIZES) == values["storage_plugins_read_bytes"]
    assert 0 == values["storage_plugins_read_not_found_total"]
    assert 0 == outcome.one("end")["leaked_buffers"]


@pytest.mark.parametrize("size", SIZES)
def test_ranges(host: FakeHost, tmp_path: Path, size: int) -> None:
    """From any offset near a border of a block to any other one."""
    folder = tmp_path / "objects"
    made(folder, A, size)
    ranges = [(start, end) for start in points(size) for end in points(size) if end >= start]
    outcome = host.run(
        [*(f"range {A} 1 {start} {end - start}" for start, end in ranges), "descriptors", "metrics"], section(folder)
    )

    assert {0} == set(outcome.codes)
    data = content(size)
    assert [shown(data[start:end]) for start, end in ranges] == [answer["bytes"] for answer in outcome.all("range")]
    # Orthanc gives no memory for nothing: the store is not asked then, either.
    assert len(ranges) == served(folder)


def test_ranges_past_the_end(host: FakeHost, tmp_path: Path) -> None:
    """Are left to the store, also where numbers overflow."""
    folder = tmp_path / "objects"
    made(folder, A, BLOCK + 10)
    script = [
        f"range {A} 1 {BLOCK + 9} 2",
        f"range {A} 1 {BLOCK + 11} 1",
        f"range {A} 1 18446744073709551615 2",
        f"range {A} 1 0 {BLOCK + 11}",
        f"range {A} 1 {BLOCK + 9} 1",
        "metrics",
    ]
    outcome = host.run(script, section(folder))

    assert [13, 13, 13, 13, 0] == outcome.codes
    assert 1 == served(folder)


def _flipped(at: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[at] ^= 16
        path.write_bytes(data)

    return damage


def _cut(size: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        os.truncate(path, size if size >= 0 else path.stat().st_size + size)

    return damage


def _of_another(change: Callable[[str], str]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        sealed.write(str(path), change(f"{PREFIX}/{path.name}"), content(SIZE), sync=False)

    return damage


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


SIZE = 5 * BLOCK + 10
DAMAGES: dict[str, Callable[[Path], object]] = {
    **{f"data {at}": _flipped(at) for at in (0, BLOCK - 1, 2 * BLOCK, 3 * BLOCK + 5, SIZE - 1)},
    **{f"seal {at}": _flipped(SIZE + at) for at in range(0, 24, 3)},
    **{f"end {at}": _flipped(-at) for at in range(1, 80)},
    **{f"cut to {at}": _cut(at) for at in (0, 1, 23, 24, 100, SIZE, SIZE + 5)},
    **{f"cut by {-at}": _cut(at) for at in (-1, -24, -25)},
    "grown": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "foreign": lambda path: path.write_bytes(b"x" * 100000),
    "lost its front": lambda path: path.write_bytes(path.read_bytes()[1:]),
    "has something before it": lambda path: path.write_bytes(b"x" + path.read_bytes()),
    "of a longer key": _of_another(lambda key: key + "x"),
    "of a shorter key": _of_another(lambda key: key[:-1]),
    "of another key": _of_another(lambda key: "A" + key[1:]),
    "a folder": _folder,
    "gone": lambda path: path.unlink(),
}


def test_damaged_files(host: FakeHost, tmp_path: Path) -> None:
    """Are left to the store, which says what is wrong: no byte of them is given, and nothing leaks."""
    folder = tmp_path / "objects"
    script = ["descriptors"]
    for number, damage in enumerate(DAMAGES.values()):
        damage(made(folder, uuid(number), SIZE))
        script += [f"read {uuid(number)} 1", f"range {uuid(number)} 1 0 {SIZE}"]
    outcome = host.run([*script, "descriptors", "metrics"], section(folder))

    wrong = [list(DAMAGES)[at // 2] for at, code in enumerate(outcome.codes) if code != 13]
    assert [] == wrong
    assert not any(answer["touched"] for answer in outcome.all("read"))
    assert 0 == served(folder)
    before, after = (answer["count"] for answer in outcome.all("descriptors"))
    assert before == after
    assert 0 == outcome.one("end")["leaked_buffers"]


def test_a_block_that_is_damaged(host: FakeHost, tmp_path: Path) -> None:
    """Only who needs it is refused."""
    folder = tmp_path / "objects"
    path = made(folder, A, 6 * BLOCK)
    _flipped(4 * BLOCK + 7)(path)
    ranges = [(0, 4 * BLOCK), (5 * BLOCK, 6 * BLOCK), (4 * BLOCK - 1, 4 * BLOCK + 1), (5 * BLOCK - 1, 5 * BLOCK)]
    outcome = host.run([f"range {A} 1 {start} {end - start}" for start, end in ranges], section(folder))

    assert [0, 0, 13, 13] == outcome.codes
    assert [shown(content(6 * BLOCK)[start:end]) for start, end in ranges[:2]] == [
        answer["bytes"] for answer in outcome.all("range")[:2]
    ]


@pytest.mark.parametrize(("blocks", "code"), [(MOST, 0), (MOST + 1, 13)])
def test_the_largest_object(host: FakeHost, tmp_path: Path, blocks: int, code: int) -> None:
    """One that is larger is read by the store."""
    folder = tmp_path / "objects"
    size = blocks * BLOCK
    made(folder, A, size)
    outcome = host.run([f"range {A} 1 {size - 10} 10", f"range {A} 1 0 10"], section(folder))

    assert [code] * 2 == outcome.codes
    if code == 0:
        assert [shown(content(size)[-10:]), shown(content(size)[:10])] == [
            answer["bytes"] for answer in outcome.all("range")
        ]


def test_what_was_used(host: FakeHost, tmp_path: Path) -> None:
    """Gets the time of now as its last change, as a read by the cache would do, but not each time."""
    folder = tmp_path / "objects"
    now = time.time()
    ages = {uuid(1): 1000, uuid(2): 10, uuid(3): 1000, uuid(4): 1000}
    paths = {name: made(folder, name, 100) for name in ages}
    for name, seconds in ages.items():
        os.utime(paths[name], (now - seconds, now - seconds))
    host.run([f"read {uuid(1)} 1", f"read {uuid(2)} 1", f"range {uuid(3)} 1 0 10"], section(folder))

    unused = {name: now - path.stat().st_mtime for name, path in paths.items()}
    assert max(unused[uuid(1)], unused[uuid(3)]) < 1
    assert 9 < unused[uuid(2)] < 11
    assert 999 < unused[uuid(4)] < 1001


def test_nothing_is_written_there(host: FakeHost, tmp_path: Path) -> None:
    """A create goes to the store, and so does the read of what has no file; after the stop no file is served."""
    folder = tmp_path / "objects"
    path = made(folder, A, 10)
    new = uuid(2)
    script = [f"create {new} 1 616263 3", f"read {new} 1", f"read {A} 1", "finalize", f"read {A} 1"]
    outcome = host.run(script, section(folder))

    assert [0, 0, 0, 32] == outcome.codes
    assert ["616263", shown(content(10))] == [answer["bytes"] for answer in outcome.all("read")[:2]]
    assert [path] == [found for found in folder.rglob("*") if found.is_file()]
