from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from storage_plugins.adapters.local import INCOMING, SIZE_ATTRIBUTE, LocalOptions, LocalStore
from storage_plugins.errors import Corrupt, StorageFull
from storage_plugins.testing.media import read


def open_store(root: Path, *, sync: bool = True) -> LocalStore:
    """A store below `root`."""
    return LocalStore(LocalOptions(Path=str(root), Sync=sync))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, str]]:
    """What is forced to the disk and renamed, in order. The real calls are made."""
    made: list[tuple[str, str]] = []
    fsync, rename = os.fsync, os.rename

    def name(path: str) -> str:
        relative = os.path.relpath(path, tmp_path)
        return "aside" if relative.startswith(INCOMING) else relative

    def spy_fsync(descriptor: int) -> None:
        made.append(("fsync", name(os.readlink(f"/proc/self/fd/{descriptor}"))))
        fsync(descriptor)

    def spy_rename(source: str, target: str) -> None:
        rename(source, target)
        made.append(("rename", name(target)))

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "rename", spy_rename)
    return made


def test_what_a_durable_put_does(tmp_path: Path, calls: list[tuple[str, str]]) -> None:
    """The file is on the disk before it gets its name, then its folder, then every new folder above it."""
    store = open_store(tmp_path)
    calls.clear()

    store.put("ab/cd/x", b"1")
    store.put("ab/cd/y", b"2")
    store.put("ab/ef/z", b"3")

    assert [
        ("fsync", "aside"), ("rename", "ab/cd/x"), ("fsync", "ab/cd"), ("fsync", "ab"), ("fsync", "."),
        ("fsync", "aside"), ("rename", "ab/cd/y"), ("fsync", "ab/cd"),
        ("fsync", "aside"), ("rename", "ab/ef/z"), ("fsync", "ab/ef"), ("fsync", "ab"),
    ] == calls  # fmt: skip


def test_no_sync(tmp_path: Path, calls: list[tuple[str, str]]) -> None:
    """Without Sync nothing is forced to the disk, but the rename stays."""
    store = open_store(tmp_path, sync=False)
    store.put("ab/cd/x", b"1")
    assert [("rename", "ab/cd/x")] == calls


def test_a_failed_put_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a final name nor a file aside."""
    store = open_store(tmp_path)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull, match="cannot put object 'ab/cd/x': No space left on device"):
        store.put("ab/cd/x", b"1")
    assert [] == [path for path in tmp_path.rglob("*") if path.is_file()]


def test_leftovers_of_a_killed_process(tmp_path: Path) -> None:
    """Old files aside are removed at the next start; young ones may belong to another process."""
    open_store(tmp_path).close()
    old, young = tmp_path / INCOMING / "old", tmp_path / INCOMING / "young"
    for path in (old, young):
        path.write_bytes(b"part")
    os.utime(old, (1, 1))

    open_store(tmp_path).close()

    assert [young] == list((tmp_path / INCOMING).iterdir())


def test_a_file_of_another_size(tmp_path: Path) -> None:
    """A file that was cut short or has grown is corrupt, for whole reads and for ranges that miss bytes."""
    store = open_store(tmp_path)
    for size in (99, 0, 101):
        store.put("x", bytes(100))
        os.truncate(tmp_path / "x", size)
        for call in (lambda: read(store, "x"), lambda: store.read_range("x", 50, memoryview(bytearray(52)))):
            with pytest.raises(Corrupt, match=f"object 'x' has {size} bytes, but 100 were stored"):
                call()


def test_without_attributes(tmp_path: Path) -> None:
    """A file without the attribute, as Orthanc itself writes it, is read as it is."""
    store = open_store(tmp_path)
    store.put("x", b"abc")
    os.removexattr(tmp_path / "x", SIZE_ATTRIBUTE)
    assert b"abc" == read(store, "x")


def test_delete_frees_the_room(tmp_path: Path) -> None:
    """A removed file is gone at once, and its room when the store is closed at the latest."""
    store = open_store(tmp_path)
    store.put("ab/cd/x", b"1")

    store.delete("ab/cd/x")

    assert not (tmp_path / "ab" / "cd" / "x").exists()
    store.close()
    assert [] == [path for path in tmp_path.rglob("*") if path.is_file()]


def test_room_that_is_being_freed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A put that finds no room waits for what was deleted before, and is made again."""
    store = open_store(tmp_path, sync=False)
    store.put("old", b"1")
    unlink, write = os.unlink, os.write
    may_unlink = threading.Event()

    def slow_unlink(path: str) -> None:
        if threading.current_thread().name == "storage-sweeper":
            may_unlink.wait()
        unlink(path)

    def full_write(descriptor: int, data: bytes) -> int:
        if not may_unlink.is_set():
            may_unlink.set()
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(os, "unlink", slow_unlink)
    monkeypatch.setattr(os, "write", full_write)
    store.delete("old")
    store.put("new", b"2")

    assert b"2" == (tmp_path / "new").read_bytes()
    store.close()
