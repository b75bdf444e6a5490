from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage_plugins.disk import sealed
from storage_plugins.disk.sealed import BLOCK, SealedFile
from storage_plugins.errors import Corrupt, RangeInvalid

KEY = "archives/ü/ab/cd/é中"
SIZES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, (10 << 20) + 7]
DATA = random.Random(1).randbytes(SIZES[-1])

LONG = 70 << 20
"""Bytes of an object whose seal is longer than what is read of the file's end at first."""


def made(folder: Path, size: int, key: str = KEY) -> Path:
    """A sealed file with the first bytes of DATA."""
    path = folder / f"{size}"
    path.unlink(missing_ok=True)
    sealed.write(str(path), key, memoryview(DATA)[:size], sync=False)
    return path


def part(path: Path, start: int, size: int) -> bytes:
    """A range of a file."""
    target = bytearray(size)
    with SealedFile(str(path)) as file:
        file.read_range(start, memoryview(target))
    return bytes(target)


def whole_data(path: Path) -> bytes:
    """All of a file, as it is read where its key is known."""
    with SealedFile(str(path)) as file:
        file.expect(KEY)
        return bytes(file.bytes())


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_what_was_written_comes_back(tmp_path: Path, size: int, *, sync: bool) -> None:
    """Data, size and key; the file begins with the data, so that it can be had back without us."""
    path = tmp_path / "file"
    sealed.write(str(path), KEY, DATA[:size], sync=sync)

    with SealedFile(str(path)) as file:
        assert (KEY, size) == (file.key, file.size)
    assert DATA[:size] == whole_data(path)
    assert DATA[:size] == path.read_bytes()[:size]


@pytest.mark.parametrize("size", SIZES)
def test_ranges_around_the_borders_of_blocks(tmp_path: Path, size: int) -> None:
    """Every begin and end at, before and behind a border, and at the ends of the object."""
    path = made(tmp_path, size)
    near = {at + off for at in (0, BLOCK, 2 * BLOCK, 3 * BLOCK, 7 * BLOCK, size) for off in (-1, 0, 1)}
    points = sorted(at for at in near if 0 <= at <= size)
    for start in points:
        for end in (at for at in points if at >= start):
            assert DATA[start:end] == part(path, start, end - start)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_range(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever is asked for is what was written there."""
    size = data.draw(st.integers(0, 5 * BLOCK))
    start = data.draw(st.integers(0, size))
    end = data.draw(st.integers(start, size))

    assert DATA[start:end] == part(made(tmp_path_factory.getbasetemp(), size), start, end - start)


@pytest.mark.parametrize(("start", "size"), [(0, 101), (100, 1), (101, 0), (1 << 62, 1)])
def test_a_range_past_the_end(tmp_path: Path, start: int, size: int) -> None:
    """Not filled in part, and not with the seal that lies there."""
    path = made(tmp_path, 100)

    with pytest.raises(RangeInvalid, match="it has 100"):
        part(path, start, size)


@pytest.mark.parametrize("size", [0, 1, 100, BLOCK + 50])
def test_any_changed_byte(tmp_path: Path, size: int) -> None:
    """One bit of any byte of sums, key and footer, and samples of the data: each is Corrupt."""
    path = made(tmp_path, size)
    whole = path.read_bytes()
    inside = {0, 1, size // 2, BLOCK - 1, BLOCK, size - 1, *random.Random(2).sample(range(size), min(size, 100))}
    for at in (*(at for at in inside if 0 <= at < size), *range(size, len(whole))):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << at % 8
        path.write_bytes(damaged)
        with pytest.raises(Corrupt, match="is damaged"):
            whole_data(path)


def test_a_changed_byte_in_another_block(tmp_path: Path) -> None:
    """Does not matter to who reads around it; who needs a byte of its block gets none."""
    path = made(tmp_path, 3 * BLOCK)
    damaged = bytearray(path.read_bytes())
    damaged[BLOCK + 5] ^= 1
    path.write_bytes(damaged)

    assert DATA[:BLOCK] == part(path, 0, BLOCK)
    assert DATA[2 * BLOCK : 3 * BLOCK] == part(path, 2 * BLOCK, BLOCK)
    for start, size in ((BLOCK - 1, 2), (2 * BLOCK - 1, 1), (BLOCK, BLOCK), (0, 3 * BLOCK)):
        with pytest.raises(Corrupt, match="block 1 has another checksum"):
            part(path, start, size)


@pytest.mark.parametrize("size", [0, 100, BLOCK + 50])
def test_any_truncation(tmp_path: Path, size: int) -> None:
    """A file that lost its end, wherever, is refused when it is opened. So is one that has grown."""
    path = made(tmp_path, size)
    whole = path.read_bytes()
    ends = {0, 1, 23, 24, size - 1, size, size + 1, *range(size, len(whole)), *range(0, size, 997)}
    for end in sorted(at for at in ends if 0 <= at < len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(Corrupt, match="is damaged"):
            SealedFile(str(path))
    for grown in (whole + b"\0", whole[:10] + whole, whole + whole[-24:]):
        path.write_bytes(grown)
        with pytest.raises(Corrupt, match="is damaged"):
            SealedFile(str(path))


def test_a_file_that_is_cut_while_it_is_read(tmp_path: Path) -> None:
    """Is Corrupt as well, and does not wait for bytes that never come."""
    path = made(tmp_path, 3 * BLOCK)
    with SealedFile(str(path)) as file:
        os.truncate(path, BLOCK + 1)
        target = bytearray(BLOCK)
        file.read_range(0, memoryview(target))
        assert DATA[:BLOCK] == bytes(target)
        with pytest.raises(Corrupt, match="it has become shorter"):
            file.read_range(BLOCK, memoryview(target))


def test_an_object_whose_seal_is_long(tmp_path: Path) -> None:
    """More blocks than are read at once; damage in any part of the seal is found."""
    path = tmp_path / "file"
    data = bytes(LONG) + b"end"
    sealed.write(str(path), KEY, data, sync=False)

    with SealedFile(str(path)) as file:
        assert (len(data), KEY) == (file.size, file.key)
    assert b"\0end" == part(path, LONG - 1, 4)
    length = path.stat().st_size
    assert length - len(data) > sealed._TAIL
    for at in (len(data), len(data) + 4, length - sealed._TAIL - 1, length - sealed._TAIL, length - 24, length - 1):
        with path.open("r+b") as file_of_others:
            file_of_others.seek(at)
            (before,) = file_of_others.read(1)
            file_of_others.seek(at)
            file_of_others.write(bytes([before ^ 128]))
            file_of_others.flush()
            with pytest.raises(Corrupt, match="is damaged"):
                SealedFile(str(path))
            file_of_others.seek(at)
            file_of_others.write(bytes([before]))
    assert b"\0\0" == part(path, BLOCK - 1, 2)


def test_an_object_that_holds_a_sealed_file(tmp_path: Path) -> None:
    """The seal of the inner one is data, also where the outer one is lost."""
    inner = made(tmp_path, 100, "inner").read_bytes()
    path = tmp_path / "outer"
    sealed.write(str(path), "outer", b"front" + inner, sync=False)

    assert b"front" + inner == part(path, 0, 5 + len(inner))
    path.write_bytes(b"front" + inner)
    with pytest.raises(Corrupt, match="does not end as it should"):
        SealedFile(str(path))


def test_another_object(tmp_path: Path) -> None:
    """A whole file under the name of another key is refused."""
    path = made(tmp_path, 10, "a")
    with SealedFile(str(path)) as file, pytest.raises(Corrupt, match="another object than 'b'"):
        file.expect("b")


def test_a_file_that_exists_is_not_written_over(tmp_path: Path) -> None:
    """Nothing that somebody relies on changes below a name."""
    path = made(tmp_path, 10)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        sealed.write(str(path), KEY, b"other", sync=False)
    assert before == path.read_bytes()
