from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from storage_plugins.config.layers import WriteBehindOptions
from storage_plugins.errors import (
    AccessDenied,
    NotFound,
    RangeInvalid,
    StorageFull,
    Unavailable,
)
from storage_plugins.layers.write_behind import WriteBehindLayer
from storage_plugins.testing.media import read
from tests.unit.conftest import CommandedStore, together, until

MIB = 1 << 20


@contextmanager
def opened(below: CommandedStore, folder: Path, **options: Any) -> Iterator[WriteBehindLayer]:
    """A spool of 1 MB with one uploader, which does not wait long and stops at once."""
    given = {"Path": str(folder), "MaximumSize": 1, "Uploaders": 1, "LongestWait": 0.05, "WaitForRoom": 0.3}
    layer = WriteBehindLayer(below, WriteBehindOptions(**{**given, "DrainTimeout": 0, **options}))
    try:
        yield layer
    finally:
        layer.close()
        below.release()


def pending(folder: Path) -> list[str]:
    """The names of the files that wait."""
    return sorted(os.listdir(folder / "pending"))


def drained(layer: WriteBehindLayer) -> None:
    """Waits until nothing is left to do, and the numbers say so."""
    until(lambda: layer.report()["pending_objects"] == 0)
    assert (0, 0) == (layer.report()["pending_bytes"], layer.report()["oldest_seconds"])


def puts(below: CommandedStore) -> list[str]:
    """The keys of all uploads that were begun."""
    return [key for verb, key in below.calls if verb == "put"]


def test_a_put_does_not_wait_for_the_storage(below: CommandedStore, tmp_path: Path) -> None:
    """It is on the disk when it returns, is read from there, and is uploaded in the order of arrival."""
    below.hold("put")
    keys = [f"k{number}" for number in range(20, 0, -1)]
    with opened(below, tmp_path) as layer:
        started = time.monotonic()
        for key in keys:
            layer.put(key, key.encode() * 10)
        assert time.monotonic() - started < 5
        assert 20 == len(pending(tmp_path))
        assert {} == below.content()
        told = layer.report()
        assert (20, sum(len(key) * 10 for key in keys)) == (told["pending_objects"], told["pending_bytes"])
        for key in keys:
            assert key.encode() * 10 == read(layer, key)
            target = bytearray(5)
            layer.read_range(key, 3, memoryview(target))
            assert (key.encode() * 10)[3:8] == target
            assert (key, len(key) * 10) == (layer.stat(key).key, layer.stat(key).size)
        with pytest.raises(RangeInvalid):
            layer.read_range("k1", 15, memoryview(bytearray(6)))
        assert sorted(keys) == sorted(found.key for found in layer.list("k"))
        assert 0 == below.count("read") + below.count("read_range") + below.count("stat")
        below.release()
        drained(layer)
        assert keys == puts(below)
        assert {key: key.encode() * 10 for key in keys} == below.content()
        assert [] == pending(tmp_path) == os.listdir(tmp_path / "incoming")
        assert 20 == layer.report()["uploaded_total"]
        assert b"k1" * 10 == read(layer, "k1")
        assert sorted(keys) == sorted(found.key for found in layer.list())


def test_a_full_spool(below: CommandedStore, tmp_path: Path) -> None:
    """A writer waits so long and no longer, hears what to do, and goes on when there is room."""
    below.hold("put")
    with opened(below, tmp_path) as layer:
        for number in range(4):
            layer.put(str(number), bytes(MIB // 4))
        started = time.monotonic()
        message = r"^the spool is full: 4 objects, 1 MB, are to be uploaded, and .* Enlarge WriteBehind.MaximumSize$"
        with pytest.raises(StorageFull, match=message):
            layer.put("more", b"x")
        assert 0.25 < time.monotonic() - started < 2
        assert 4 == len(pending(tmp_path))
        layer.put("empty", b"")
    with opened(below, tmp_path, WaitForRoom=15) as layer:
        below.hold("put")

        def work(number: int) -> float:
            started = time.monotonic()
            if number == 0:
                time.sleep(0.2)
                below.release()
            else:
                layer.put(f"late{number}", bytes(MIB // 4))
            return time.monotonic() - started

        assert all(isinstance(seconds, float) and seconds < 10 for seconds in together(9, work))
        drained(layer)
        assert 8 == len([key for key in below.content() if key.startswith("late")])


def test_a_delete_makes_room(below: CommandedStore, tmp_path: Path) -> None:
    """For a writer that waits, too."""
    below.hold("put")
    with opened(below, tmp_path, WaitForRoom=15) as layer:
        for number in range(4):
            layer.put(str(number), bytes(MIB // 4))
        below.wait_for("put")

        def work(number: int) -> None:
            if number:
                layer.put("more", bytes(MIB // 4))
            else:
                time.sleep(0.1)
                layer.delete("3")

        started = time.monotonic()
        together(2, work)
        assert time.monotonic() - started < 5


def test_an_object_larger_than_the_spool(below: CommandedStore, tmp_path: Path) -> None:
    """Goes to the storage at once, and its errors to who writes it."""
    with opened(below, tmp_path) as layer:
        layer.put("large", bytes(MIB + 1))
        assert {"large": bytes(MIB + 1)} == below.content()
        below.fault = lambda _verb, _key: AccessDenied("no")
        with pytest.raises(AccessDenied):
            layer.put("other", bytes(MIB + 1))
        below.fault = lambda _verb, _key: None
        layer.put("fits", bytes(MIB))
        drained(layer)


def test_a_delete_before_the_upload(below: CommandedStore, tmp_path: Path) -> None:
    """It is never uploaded, and the storage is asked for nothing."""
    below.hold("put")
    with opened(below, tmp_path) as layer:
        layer.put("first", b"1")
        below.wait_for("put")
        layer.put("a", b"2")
        layer.delete("a")
        gone(layer, "a")
        assert 1 == len(pending(tmp_path))
        assert 1 == layer.report()["pending_bytes"]
        below.release()
        drained(layer)
    assert [("put", "first"), ("read", "a"), ("stat", "a"), ("read_range", "a"), ("close", "")] == below.calls


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_a_delete_during_the_upload(below: CommandedStore, tmp_path: Path, *, after: bool, fails: bool) -> None:
    """Whether the bytes have arrived or not, and whatever the answer was: in the end nothing is there."""
    below.hold("put", after=after)
    with opened(below, tmp_path) as layer:
        layer.put("a", b"abc")
        below.wait_for("put")
        if fails and not after:
            below.fault = lambda verb, _: Unavailable("lost") if verb == "put" else None
        if after:
            until(lambda: below.content() == {"a": b"abc"})
        layer.delete("a")
        gone(layer, "a")
        assert ["0000000000000001.gone"] == pending(tmp_path)
        layer.delete("a")
        below.release()
        drained(layer)
        assert ["a"] == puts(below)
        assert {} == below.content()
        assert [] == pending(tmp_path)
        gone(layer, "a")
        assert 0 == layer.report()["uploaded_total"]


def test_a_delete_after_a_lost_answer(below: CommandedStore, tmp_path: Path) -> None:
    """An upload that failed may have arrived: it is deleted there, as often as it takes, and not uploaded again."""
    with opened(below, tmp_path, LongestWait=0.3) as layer:
        below.fault = lambda verb, _: Unavailable("lost") if verb in {"put", "delete"} else None
        below.inner.put("a", b"abc")
        layer.put("a", b"abc")
        until(lambda: layer.report()["failures_total"] == 1)
        layer.delete("a")
        gone(layer, "a")
        assert [] == list(layer.list())
        below.wait_for("delete", 3)
        assert {"a": b"abc"} == below.content()
        below.fault = lambda _verb, _key: None
        drained(layer)
        assert {} == below.content()
        assert ["a"] == puts(below)


def test_a_delete_after_a_restart(below: CommandedStore, tmp_path: Path) -> None:
    """Nobody knows whether an earlier process has begun the upload: it is deleted in the storage."""
    below.fault = lambda *_: Unavailable("away")
    with opened(below, tmp_path) as layer:
        layer.put("a", b"abc")
        layer.put("b", b"abc")
        until(lambda: below.count("put"))
    below.inner.put("b", b"abc")
    below.hold("put")
    with opened(below, tmp_path) as layer:
        below.wait_for("put", 2)
        layer.delete("b")  # which this process has not begun
        gone(layer, "b")
    assert ["0000000000000001", "0000000000000002.gone"] == pending(tmp_path)
    below.fault = lambda *_: None
    with opened(below, tmp_path) as layer:
        drained(layer)
    assert {"a": b"abc"} == below.content()


def test_deletes_that_race_with_uploads(below: CommandedStore, tmp_path: Path) -> None:
    """Whatever the moment of a delete, its object is not there in the end, and all others are."""
    with opened(below, tmp_path, Uploaders=4, MaximumSize=50) as layer:

        def work(number: int) -> None:
            for turn in range(40):
                key = f"{number}-{turn}"
                layer.put(key, key.encode())
                if turn % 2:
                    time.sleep(0.0005 * (turn % 7))
                    layer.delete(key)
                    gone(layer, key)

        assert [None] * 6 == together(6, work)
        drained(layer)
        names = [f"{number}-{turn}" for number in range(6) for turn in range(0, 40, 2)]
        assert {key: key.encode() for key in names} == below.content()
        assert [] == pending(tmp_path)


def gone(layer: WriteBehindLayer, key: str) -> None:
    """Asserts that no verb finds an object."""
    with pytest.raises(NotFound):
        read(layer, key)
    with pytest.raises(NotFound):
        layer.stat(key)
    with pytest.raises(NotFound):
        layer.read_range(key, 0, memoryview(bytearray(1)))
    assert key not in {found.key for found in layer.list()}


def test_a_put_after_a_delete(below: CommandedStore, tmp_path: Path) -> None:
    """The new object is there, with its own bytes, however far the delete of the old one was."""
    with opened(below, tmp_path, LongestWait=0.3) as layer:
        below.fault = lambda *_: Unavailable("away")
        layer.put("a", b"old")
        until(lambda: layer.report()["failures_total"])
        layer.delete("a")
        layer.put("a", b"newer")
        assert b"newer" == read(layer, "a")
        assert 5 == layer.report()["pending_bytes"]
        below.fault = lambda *_: None
        drained(layer)
        assert {"a": b"newer"} == below.content()
        layer.delete("a")
        assert {} == below.content()


def test_a_put_during_an_upload(below: CommandedStore, tmp_path: Path) -> None:
    """Of the same key: it waits, so that the older one cannot arrive after it."""
    below.hold("put")
    with opened(below, tmp_path, Uploaders=2) as layer:
        layer.put("a", b"old")
        below.wait_for("put")
        below.pass_others()

        def work(number: int) -> None:
            if number:
                layer.put("a", b"newer")
            else:
                time.sleep(0.1)
                below.release()

        assert [None, None] == together(2, work)
        drained(layer)
        assert 2 == below.count("put")
    assert {"a": b"newer"} == below.content()


@pytest.mark.parametrize("deleted", [False, True])
def test_a_delete_of_a_second_put(below: CommandedStore, tmp_path: Path, *, deleted: bool) -> None:
    """What the first one has brought to the storage goes as well."""
    with opened(below, tmp_path, LongestWait=0.5) as layer:
        below.fault = lambda *_: Unavailable("the answer was lost")
        layer.put("a", b"old")
        until(lambda: layer.report()["failures_total"])
        below.inner.put("a", b"old")
        if deleted:
            layer.delete("a")
        layer.put("a", b"new")
        layer.delete("a")
        below.fault = lambda *_: None
        drained(layer)
        assert {} == below.content()
        gone(layer, "a")
