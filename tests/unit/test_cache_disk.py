from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from storage_plugins.disk import cache as disk_cache
from storage_plugins.errors import NotFound
from storage_plugins.layers.cache import CacheLayer
from storage_plugins.testing.media import read
from tests.live.test_faults import mounted
from tests.unit.conftest import CommandedStore, together, until
from tests.unit.test_cache import KIB, MAXIMUM, data, fill, kept, opened


def agrees(layer: CacheLayer, folder: Path) -> bool:
    """Whether the report is that of what is on the disk."""
    there = kept(folder)
    told = layer.report()
    return (told["bytes"], told["entries"]) == (sum(there.values()), len(there))


def age(folder: Path, seconds: dict[str, float]) -> None:
    """Sets when files were last used."""
    now = time.time()
    for name, ago in seconds.items():
        os.utime(folder / name, (now - ago, now - ago))


def test_threads_that_write_more_than_the_limit(below: CommandedStore, tmp_path: Path) -> None:
    """The bound holds at all times, and what the report says is what is on the disk."""
    with opened(below, tmp_path) as layer:
        seen = [0]

        def work(thread: int) -> None:
            for number in range(25):
                layer.put(f"{thread}-{number}", data(number, 90 * KIB))
                seen.append(len(os.listdir(tmp_path / "objects")))  # one system call: the state of one moment

        together(8, work)
        until(lambda: agrees(layer, tmp_path))
        assert 10 <= max(seen) <= MAXIMUM // (90 * KIB)
        assert 0.5 * MAXIMUM < layer.report()["bytes"] <= MAXIMUM
        assert layer.report()["evicted_total"] > 150


def test_what_was_not_used_for_longest_goes_first(below: CommandedStore, tmp_path: Path) -> None:
    """A read counts as a use when the one before was a while ago, also after a restart."""
    with opened(below, tmp_path) as layer:
        fill(layer, 8)
        age(tmp_path, {f"objects/{number}": 1000.0 - number for number in range(8)})
    (tmp_path / "index.db").unlink()
    with opened(below, tmp_path) as layer:
        until(lambda: layer.report()["entries"] == 8)
        for key in ("0", "2"):
            assert data(int(key), 100 * KIB) == read(layer, key)
        fill(layer, 5, first=100)

        names = {name.removeprefix("objects/") for name in kept(tmp_path)}
        assert {"0", "2"} < names
        assert set() == names & {"1", "3", "4"}
        assert {"100", "101", "102", "103", "104"} < names


def test_the_time_of_use_is_not_written_each_time(below: CommandedStore, tmp_path: Path) -> None:
    """A file that was used a moment ago is left alone; one that was not gets the time of now."""
    with opened(below, tmp_path) as layer:
        fill(layer, 2)
        age(tmp_path, {"objects/0": disk_cache.TOUCH_AFTER - 10, "objects/1": disk_cache.TOUCH_AFTER + 10})
        before = (tmp_path / "objects" / "0").stat().st_mtime_ns
        read(layer, "0")
        read(layer, "1")

        assert before == (tmp_path / "objects" / "0").stat().st_mtime_ns
        assert time.time() - (tmp_path / "objects" / "1").stat().st_mtime < 5


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder below which nothing can be written, as after the kernel has met a bad disk."""
    subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _lose(index: Path) -> None:
    index.unlink()


def _spoil(index: Path) -> None:
    index.write_bytes(b"no database" * 10000)


def _spoil_pages(index: Path) -> None:
    size = index.stat().st_size
    index.write_bytes(index.read_bytes()[:4096] + b"\x5a" * (size - 4096))


def _spoil_state(index: Path) -> None:
    content = bytearray(index.read_bytes())
    content[3 * 4096 : 4 * 4096] = b"\x5a" * 4096  # the third table or index
    index.write_bytes(content)


@pytest.mark.parametrize("damage", [_lose, _spoil, _spoil_pages, _spoil_state, lambda index: index.write_bytes(b"")])
def test_an_index_that_was_lost(below: CommandedStore, tmp_path: Path, damage: Any) -> None:
    """The files are found again without a read of the store below, and the bound holds."""
    with opened(below, tmp_path / "a") as layer:
        fill(layer, 9)
    damage(tmp_path / "a" / "index.db")
    with opened(below, tmp_path / "a") as layer:
        until(lambda: layer.report()["bytes"] == 900 * KIB)
        for number in range(9):
            assert data(number, 100 * KIB) == read(layer, str(number))
        assert (0, 9) == (below.count("read"), layer.report()["hits_total"])
        fill(layer, 4, first=100)
        until(lambda: agrees(layer, tmp_path / "a"))
        assert sum(kept(tmp_path / "a").values()) <= MAXIMUM


def test_an_index_that_is_behind(below: CommandedStore, tmp_path: Path) -> None:
    """That of a moment after the start, as a kill may leave it: all files count."""
    with opened(below, tmp_path):
        pass
    with opened(below, tmp_path) as layer:
        shutil.copytree(tmp_path, tmp_path / "copy", ignore=shutil.ignore_patterns("objects", "heads", "copy"))
        fill(layer, 6)
    for name in ("index.db", "index.db-wal", "index.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
        if (tmp_path / "copy" / name).exists():
            shutil.copy(tmp_path / "copy" / name, tmp_path)
    with opened(below, tmp_path) as layer:
        until(lambda: agrees(layer, tmp_path))
        assert 600 * KIB == layer.report()["bytes"]


def test_a_kill(below: CommandedStore, tmp_path: Path) -> None:
    """A copy of the folder from the middle of the work, with its index or without: nothing is lost or wrong."""
    with opened(below, tmp_path / "a") as layer:
        fill(layer, 6)
        (tmp_path / "a" / "incoming" / "77").write_bytes(b"half a file")
        shutil.copytree(tmp_path / "a", tmp_path / "b")
        shutil.copytree(tmp_path / "a", tmp_path / "c", ignore=shutil.ignore_patterns("index.db*"))
    (tmp_path / "b" / "objects" / "3").write_bytes(b"torn by a power cut")
    (tmp_path / "c" / "objects" / "3").write_bytes(b"")
    shutil.copy(tmp_path / "c" / "objects" / "1", tmp_path / "c" / "objects" / "stray")
    for name in "bc":
        with opened(below, tmp_path / name) as layer:
            for number in range(6):
                assert data(number, 100 * KIB) == read(layer, str(number))
            with pytest.raises(NotFound):
                read(layer, "stray")
            until(partial(agrees, layer, tmp_path / name))
            assert [] == list((tmp_path / name / "incoming").iterdir())
            assert sum(kept(tmp_path / name).values()) <= MAXIMUM
    assert [("read", "3"), ("read", "3")] == [call for call in below.calls if call == ("read", "3")]


def test_an_index_that_is_spoilt_while_it_is_used(below: CommandedStore, tmp_path: Path) -> None:
    """Reads are right all the time, and after a while the report is that of the disk, and the bound holds again."""
    with opened(below, tmp_path) as layer:
        for turn in range(3):
            fill(layer, 8, first=10 * turn)
            for suffix in ("", "-wal", "-shm"):
                path = tmp_path / f"index.db{suffix}"
                if path.exists():
                    with path.open("r+b") as file:
                        file.write(b"\x5a" * path.stat().st_size)
            fill(layer, 3, first=100 + 10 * turn)
            for number in (*range(10 * turn, 10 * turn + 8), *range(100 + 10 * turn, 103 + 10 * turn)):
                assert data(number, 100 * KIB) == read(layer, str(number))
            until(lambda: agrees(layer, tmp_path))
            assert layer.report()["bytes"] <= MAXIMUM
            assert not layer.report()["failing"]


def test_a_disk_that_is_full(below: CommandedStore, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One warning, nothing left behind; a while after there is room the cache goes on and says so."""
    with mounted(tmp_path / "small", "size=600k") as small, opened(below, small / "cache") as layer:
        fill(layer, 10)
        for number in range(10):
            assert data(number, 100 * KIB) == read(layer, str(number))
        assert layer.report()["failing"]
        assert [] == list((small / "cache" / "incoming").iterdir())
        told = [record.message for record in caplog.records]
        assert 1 == len(told)
        assert "No space left on device" in told[0]

        for number in range(10):
            layer.delete(str(number))
        layer._disk._paused_until = 0.0  # what half a minute does
        layer.put("b", b"abc")
        assert {"objects/b": 3} == kept(small / "cache")
        assert not layer.report()["failing"]
    assert ["The cache can be written again"] == [record.message for record in caplog.records[1:]]


def test_a_disk_that_becomes_read_only(below: CommandedStore, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What is there is served, the rest is fetched; a delete is made in the store and raises nothing."""
    with opened(below, tmp_path) as layer:
        fill(layer, 2)
        age(tmp_path, {"objects/0": 1000.0})
        with read_only(tmp_path):
            fill(layer, 2, first=10)
            for number in (0, 1, 10, 11):
                assert data(number, 100 * KIB) == read(layer, str(number))
            assert [("read", "10"), ("read", "11")] == [call for call in below.calls if call[0] == "read"]
            layer.delete("0")
            assert "0" not in below.content()
        assert ["Read-only file system"] == [record.message.rpartition("] ")[2][:21] for record in caplog.records]
