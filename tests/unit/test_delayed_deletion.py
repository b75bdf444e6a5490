from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from storage_plugins.config.layers import DelayedDeletionOptions
from storage_plugins.disk.deletions import DeletionJournal
from storage_plugins.errors import AccessDenied, ConfigInvalid, KeyInvalid, NotFound, Unavailable
from storage_plugins.layers.delayed_deletion import DelayedDeletionLayer
from storage_plugins.testing.media import read
from tests.unit.conftest import CommandedStore, together, until

HOUR = 3600.0


@contextmanager
def opened(below: CommandedStore, folder: Path, **options: Any) -> Iterator[DelayedDeletionLayer]:
    """Over a store that has objects "0" to "9"."""
    for number in range(10):
        below.inner.put(str(number), b"%d" % number)
    layer = DelayedDeletionLayer(below, DelayedDeletionOptions(Path=str(folder), LongestWait=0.1, **options))
    try:
        yield layer
    finally:
        below.release()
        layer.close()


def recorded(folder: Path) -> dict[str, float]:
    """What the journal on the disk says: keys, and when they are due. Read as another process does."""
    with closing(sqlite3.connect(f"file:{folder}/deletions.db?mode=ro", uri=True)) as database:
        return dict(database.execute("select key, due from deletions"))


def gone(layer: DelayedDeletionLayer, key: str) -> None:
    """Asserts that no verb finds an object."""
    for call in (
        lambda: read(layer, key),
        lambda: layer.read_range(key, 0, memoryview(bytearray(1))),
        lambda: layer.stat(key),
    ):
        with pytest.raises(NotFound, match="it was deleted"):
            call()
    assert key not in {found.key for found in layer.list()}


def batches(below: CommandedStore) -> list[list[str]]:
    """The keys of each request that deletes many."""
    return [keys.split() for verb, keys in below.calls if verb == "delete_many"]


def drained(layer: DelayedDeletionLayer) -> None:
    """Waits until no delete is left to be made."""
    until(lambda: layer.report()["pending_objects"] == 0)


def test_a_delete_is_recorded_before_it_returns(below: CommandedStore, tmp_path: Path) -> None:
    """From then on the object is not found, though the storage still has it."""
    below.hold("delete_many")
    with opened(below, tmp_path) as layer:
        for key in ("3", "4", "absent"):
            layer.delete(key)
            assert key in recorded(tmp_path)
            gone(layer, key)
        assert {"3", "4"} < below.content().keys()
        assert 0 == below.count("delete") + below.count("read") + below.count("stat") + below.count("read_range")
        assert b"5" == read(layer, "5")
        assert {str(number) for number in range(10)} - {"3", "4"} == {found.key for found in layer.list()}
        told = layer.report()
        assert 3 == told["pending_objects"]
        assert 0 < told["oldest_seconds"] < 10
        below.release()
        drained(layer)
        assert {str(number) for number in range(10)} - {"3", "4"} == below.content().keys()
        assert {} == recorded(tmp_path)
        assert (3, 0) == (layer.report()["deleted_total"], layer.report()["oldest_seconds"])
        with pytest.raises(NotFound):
            read(layer, "3")
        with pytest.raises(KeyInvalid):
            layer.delete("../x")


def test_many_deletes_are_few_requests(below: CommandedStore, tmp_path: Path) -> None:
    """As many in one as may be, the oldest first; what arrives in the meantime goes with the next."""
    with opened(below, tmp_path, BatchSize=4) as layer:
        below.hold("delete_many")
        layer.delete("0")
        below.wait_for("delete_many")
        for number in range(1, 10):
            layer.delete(str(number))
        below.release()
        drained(layer)
        assert [["0"], ["1", "2", "3", "4"], ["5", "6", "7", "8"], ["9"]] == batches(below)
        assert {} == below.content()


def test_the_grace_period(below: CommandedStore, tmp_path: Path) -> None:
    """An object is kept for so long, not found though it is there, and can be had back from outside."""
    with opened(below, tmp_path, KeepFor=1) as layer:
        started = time.time()
        for key in "012":
            layer.delete(key)
        for due in recorded(tmp_path).values():
            assert started + HOUR <= due <= time.time() + HOUR
        gone(layer, "0")
        journal = DeletionJournal(str(tmp_path))
        journal.take_back("0")
        with pytest.raises(NotFound, match="could be taken back"):
            journal.take_back("0")
        journal.close()
        assert b"0" == read(layer, "0")
        assert "0" in {found.key for found in layer.list()}
        with closing(sqlite3.connect(tmp_path / "deletions.db", isolation_level=None)) as database:
            database.execute("update deletions set due = due - 3601 where key = '1'")  # an hour later
        layer.delete("3")  # wakes it up
        until(lambda: "1" not in below.content())
        until(lambda: {"2", "3"} == recorded(tmp_path).keys())
        assert [["1"]] == batches(below)
        time.sleep(0.2)
        assert {"0", "2", "3"} < below.content().keys()
        layer.delete("0")
        gone(layer, "0")


def test_what_is_being_deleted_cannot_be_had_back(below: CommandedStore, tmp_path: Path) -> None:
    """Otherwise somebody would rely on an object that goes a moment later."""
    below.hold("delete_many")
    with opened(below, tmp_path) as layer:
        layer.delete("0")
        below.wait_for("delete_many")
        journal = DeletionJournal(str(tmp_path))
        with pytest.raises(NotFound, match="could be taken back"):
            journal.take_back("0")
        journal.close()


@pytest.mark.parametrize("error", [Unavailable("away"), AccessDenied("no"), ValueError("a bug")])
def test_deletes_are_tried_until_they_succeed(below: CommandedStore, tmp_path: Path, error: Exception) -> None:
    """Whatever befalls all of them, in this process or the next."""
    below.fault = lambda verb, _: error if verb == "delete_many" else None
    with opened(below, tmp_path) as layer:
        for key in "012":
            layer.delete(key)
        below.wait_for("delete_many", 4)
        assert 3 == layer.report()["pending_objects"]
        until(lambda: layer.report()["failures_total"] >= 3)
        gone(layer, "0")
        below.fault = lambda *_: None
        drained(layer)
        assert {str(number) for number in range(3, 10)} == below.content().keys()


def test_some_that_cannot_be_deleted(below: CommandedStore, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Are tried again later, alone; the others of their batch are gone at once."""
    refused: set[str] = {"1", "3"}
    below.fault = lambda verb, key: AccessDenied(f"locked: {key}") if verb == "delete" and key in refused else None
    with opened(below, tmp_path) as layer:
        below.hold("delete_many")
        for number in range(5):
            layer.delete(str(number))
        below.release()
        until(lambda: layer.report()["deleted_total"] == 3)
        until(lambda: layer.report()["failures_total"] >= 4)
        assert {"1", "3"} == recorded(tmp_path).keys()
        gone(layer, "1")
        assert all(set(batch) == refused for batch in batches(below)[2:])
        asked = len(batches(below))
        time.sleep(0.25)
        assert len(batches(below)) <= asked + 3  # and not all the time
        assert "2 objects could not be deleted and are tried again: locked: " in caplog.text
        refused.clear()
        drained(layer)
        assert {str(number) for number in range(5, 10)} == below.content().keys()
        assert 5 == layer.report()["deleted_total"]


def test_a_put_of_a_deleted_key(below: CommandedStore, tmp_path: Path) -> None:
    """The new object stays, whether its delete waits or is being made."""
    with opened(below, tmp_path, KeepFor=1) as layer:
        layer.delete("0")
        layer.put("0", b"new")
        assert b"new" == read(layer, "0")
        assert {} == recorded(tmp_path)
    with opened(below, tmp_path) as layer:
        below.hold("delete_many")
        layer.delete("0")
        below.wait_for("delete_many")

        def work(number: int) -> None:
            if number:
                layer.put("0", b"newer")
            else:
                time.sleep(0.1)
                assert 1 == below.count("put")  # that of before
                below.release()

        assert [None, None] == together(2, work)
        drained(layer)
        assert b"newer" == below.content()["0"] == read(layer, "0").ljust(5)
        layer.delete("0")
        drained(layer)
        assert "0" not in below.content()


def test_a_kill(below: CommandedStore, tmp_path: Path) -> None:
    """A copy of the folder from the middle of the work: what was confirmed is deleted, and not found until then."""
    below.hold("delete_many")
    with opened(below, tmp_path / "a") as layer:
        layer.delete("0")
        below.wait_for("delete_many")
        layer.delete("1")
        shutil.copytree(tmp_path / "a", tmp_path / "b")
        layer.delete("2")
    fresh = CommandedStore()
    fresh.hold("delete_many")
    with opened(fresh, tmp_path / "b") as layer:
        gone(layer, "0")
        gone(layer, "1")
        assert b"2" == read(layer, "2")
        fresh.release()
        drained(layer)
        assert {str(number) for number in range(2, 10)} == fresh.content().keys()


@pytest.mark.parametrize("damage", ["header", "pages", "index", "garbage"])
def test_a_journal_that_is_damaged(below: CommandedStore, tmp_path: Path, damage: str) -> None:
    """Orthanc does not start over deletes that it could forget; the message says what to do."""
    below.fault = lambda *_: Unavailable("away")
    with opened(below, tmp_path) as layer:
        for number in range(300):
            layer.delete(f"archives/{number:040d}")
    path = tmp_path / "deletions.db"
    content = bytearray(path.read_bytes())
    match damage:
        case "header":
            content[:16] = bytes(16)
        case "pages":
            content[4096:8192] = b"\x5a" * 4096
        case "index":
            content[2 * 4096 + 3 : 2 * 4096 + 5] = b"\x5a\x5a"  # how many cells its first page has
        case "garbage":
            content[:] = b"no database" * 1000
    path.write_bytes(content)
    for _ in range(2):  # a second start finds the folder free
        with (
            pytest.raises(
                ConfigInvalid, match=r"the record of deletes in .* cannot be read: .* Restore it from a backup"
            ),
            opened(below, tmp_path),
        ):
            pass
    path.unlink()
    with opened(below, tmp_path):
        pass


def test_a_journal_that_cannot_be_written(
    below: CommandedStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Objects are deleted at once, with one error; later ones are recorded again."""
    with opened(below, tmp_path, KeepFor=1) as layer, _locked(layer):
        layer.delete("0")
        layer.delete("1")
        assert {"0", "1"}.isdisjoint(below.content())
        assert {} == recorded(tmp_path)
        below.fault = lambda verb, _: Unavailable("away") if verb == "delete" else None
        with pytest.raises(Unavailable, match="away"):
            layer.delete("2")
        below.fault = lambda *_: None
    told = [record.message for record in caplog.records]
    assert 1 == len(told)
    assert "Cannot record deletes in" in told[0]
    assert told[0].endswith("Objects are deleted at once")


@contextmanager
def _locked(layer: DelayedDeletionLayer) -> Iterator[None]:
    """Nobody can write to the journal."""
    layer._journal._writer.execute("pragma query_only = on")
    yield
    layer._journal._writer.execute("pragma query_only = off")
    layer.delete("3")
    assert "3" in layer._journal


def test_a_journal_that_fails_for_a_while(below: CommandedStore, tmp_path: Path) -> None:
    """Errors of its disk are errors of a store, and deletes go on when it works again."""
    with opened(below, tmp_path) as layer:
        with closing(sqlite3.connect(tmp_path / "deletions.db", isolation_level=None)) as database:
            layer.delete("0")
            drained(layer)
            below.hold("delete_many")
            layer.delete("1")
            below.wait_for("delete_many", 2)
            database.execute("alter table deletions rename to hidden")
            below.release()
            for call in (lambda: read(layer, "5"), lambda: layer.put("5", b"x"), lambda: layer.stat("5"), layer.list):
                with pytest.raises(Unavailable, match="the record of deletes cannot be used: no such table"):
                    call()
            until(lambda: layer.report()["failures_total"] >= 2)
            database.execute("alter table hidden rename to deletions")
        layer.delete("2")
        drained(layer)
        assert {"0", "1", "2"}.isdisjoint(below.content())


def test_close(below: CommandedStore, tmp_path: Path) -> None:
    """Is quick also while the storage is away; the next one goes on, and two at a time are refused."""
    below.fault = lambda verb, _: Unavailable("away") if verb == "delete_many" else None
    with opened(below, tmp_path) as layer:
        layer.delete("0")
        below.wait_for("delete_many")
        with pytest.raises(ConfigInvalid, match="another process uses the folder"), opened(below, tmp_path):
            pass
        started = time.monotonic()
        layer.close()
        layer.close()
        assert time.monotonic() - started < 1
        for call in (lambda: read(layer, "1"), lambda: layer.delete("1"), lambda: layer.put("x", b""), layer.list):
            with pytest.raises(Unavailable, match="the store is closed"):
                call()
    assert {"0"} == recorded(tmp_path).keys()
    below.fault = lambda *_: None
    with opened(below, tmp_path) as layer:
        drained(layer)
        assert "0" not in below.content()
    assert 0o700 == os.stat(tmp_path).st_mode & 0o777
