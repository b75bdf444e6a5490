from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage_plugins.disk import sealed
from storage_plugins.errors import AccessDenied, ConfigInvalid, Corrupt, StorageFull, StoreError, Unavailable
from storage_plugins.testing.media import read
from tests.live.test_faults import mounted
from tests.unit.conftest import CommandedStore, until
from tests.unit.test_write_behind import drained, opened, pending, puts


def test_a_kill_at_any_moment(below: CommandedStore, tmp_path: Path) -> None:
    """What was confirmed is there after a kill, and nothing else: a copy of the folder at each step tells."""
    live = tmp_path / "live"
    expected: list[dict[str, bytes]] = []

    def snapshot(confirmed: dict[str, bytes]) -> None:
        shutil.copytree(live, tmp_path / str(len(expected)))
        expected.append(confirmed)

    with opened(below, live) as layer:
        snapshot({})
        below.hold("put")
        layer.put("a", b"1")
        snapshot({"a": b"1"})
        layer.put("b", b"22")
        (live / "incoming" / "0000000000000009").write_bytes(b"half of what was never confirmed")
        snapshot({"a": b"1", "b": b"22"})
        below.wait_for("put")
        layer.delete("a")  # in flight
        snapshot({"b": b"22"})
        layer.put("b", b"333")
        snapshot({"b": b"333"})
        layer.put("c", b"")
        layer.delete("b")
        snapshot({"c": b""})
        below.release()
        drained(layer)
        snapshot({})

    for number, confirmed in enumerate(expected):
        fresh = CommandedStore()
        fresh.inner.put("a", b"an upload that was on its way")
        if not any("a" in step for step in expected[:number]):
            fresh.inner.delete("a")
        folder = tmp_path / str(number)
        fresh.hold("put")
        with opened(fresh, folder) as layer:
            assert {key: read(layer, key) for key in confirmed} == confirmed
            assert [] == os.listdir(folder / "incoming")
            fresh.release()
            drained(layer)
            uploaded = fresh.content()
            if number in {3, 4, 5}:
                assert "a" not in uploaded
            uploaded.pop("a", None)
            confirmed.pop("a", None)
            assert confirmed == uploaded
            assert [] == pending(folder)


@pytest.mark.parametrize("uploading", [False, True])
def test_a_process_that_is_killed(below: CommandedStore, tmp_path: Path, *, uploading: bool) -> None:
    """The next one has the folder at once, and uploads what the killed one has confirmed."""
    program = f"""
import itertools, time
from storage_plugins.adapters.memory import MemoryOptions, MemoryStore
from storage_plugins.config.layers import WriteBehindOptions
from storage_plugins.errors import Unavailable
from storage_plugins.layers.write_behind import WriteBehindLayer
class Store(MemoryStore):
    def put(self, key, data):
        time.sleep(3600 * {uploading})
        raise Unavailable("away")
layer = WriteBehindLayer(Store(MemoryOptions()), WriteBehindOptions(Path={str(tmp_path)!r}, MaximumSize=1))
for key in map(str, itertools.count()):
    layer.put(key, key.encode())
    print(key, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        confirmed = [process.stdout.readline().strip() for _ in range(30)]
        with pytest.raises(ConfigInvalid, match="another process uses the folder"), opened(below, tmp_path):
            pass
        process.kill()
        confirmed += process.stdout.read().split()
    with opened(below, tmp_path) as layer:
        drained(layer)
    uploaded = below.content()
    assert set(confirmed) <= uploaded.keys() <= {*confirmed, str(len(confirmed))}  # one may be whole and not told
    assert {key: key.encode() for key in uploaded} == uploaded


def test_a_file_that_cannot_be_read(below: CommandedStore, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Is put aside and counted at the start, and the others are uploaded; the next damaged one does not replace it."""
    for turn in range(2):
        below.fault = lambda *_: Unavailable("away")
        with opened(below, tmp_path) as layer:
            for key in "abcde":
                layer.put(f"{key}{turn}", key.encode() * 100)
        files = pending(tmp_path)
        for name, damage in ((files[1], b"other"), (files[2], b"")):
            (tmp_path / "pending" / name).write_bytes(damage)
        os.truncate(tmp_path / "pending" / files[4], 120)
        (tmp_path / "pending" / "notes of an administrator").write_text("x")
        below.fault = lambda *_: None
        with opened(below, tmp_path) as layer:
            drained(layer)
            assert 3 * (turn + 1) == layer.report()["damaged_objects"] == len(os.listdir(tmp_path / "damaged"))
            assert {f"{key}{number}" for key in "ad" for number in range(turn + 1)} == below.content().keys()
            assert ["notes of an administrator"] == pending(tmp_path)
    told = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert 6 == len(told)
    assert all("An object that was not yet uploaded is damaged: file" in line for line in told)


def test_a_file_that_the_disk_does_not_give_back(
    below: CommandedStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Is put aside, and does not keep Orthanc from its start."""
    with opened(below, tmp_path):
        pass
    (tmp_path / "pending" / f"{7:016x}").symlink_to("/proc/self/mem")  # whose first bytes are an EIO to read
    with opened(below, tmp_path) as layer:
        layer.put("a", b"a")
        drained(layer)
        assert 1 == layer.report()["damaged_objects"]
    assert {"a"} == below.content().keys()
    assert [f"{7:016x}"] == os.listdir(tmp_path / "damaged")
    assert "Input/output error" in caplog.text


@pytest.mark.parametrize("at", [5, -30])
def test_a_file_that_is_damaged_while_it_waits(below: CommandedStore, tmp_path: Path, at: int) -> None:
    """No wrong byte goes to a reader or to the storage, and the others are uploaded."""
    below.hold("put")
    with opened(below, tmp_path) as layer:
        for key in "abc":
            layer.put(key, key.encode() * 100)
        path = tmp_path / "pending" / pending(tmp_path)[1]
        content = bytearray(path.read_bytes())
        content[at] ^= 1
        path.write_bytes(content)
        with pytest.raises(Corrupt):
            read(layer, "b")
        below.release()
        drained(layer)
        assert {"a": b"a" * 100, "c": b"c" * 100} == below.content()
        assert 1 == layer.report()["damaged_objects"]
        assert content == (tmp_path / "damaged" / path.name).read_bytes()


def test_a_file_of_another_entry(below: CommandedStore, tmp_path: Path) -> None:
    """A whole file under a wrong name is not taken for the object."""
    below.hold("put")
    with opened(below, tmp_path) as layer:
        for key in "abc":
            layer.put(key, key.encode())
        below.wait_for("put")
        first, second, third = pending(tmp_path)
        shutil.copy(tmp_path / "pending" / third, tmp_path / "pending" / second)
        with pytest.raises(Corrupt):
            read(layer, "b")
        below.release()
        drained(layer)
        assert {"a": b"a", "c": b"c"} == below.content()
        assert first < second < third


@pytest.mark.parametrize("error", [AccessDenied("no"), StorageFull("quota"), ValueError("a bug"), Unavailable("500")])
def test_a_refused_object(below: CommandedStore, tmp_path: Path, error: Exception) -> None:
    """Does not keep the others back, stays readable, and is tried again for as long as it takes."""
    below.fault = lambda _, key: error if key == "refused" else None
    with opened(below, tmp_path) as layer:
        layer.put("refused", b"r")
        for key in "abc":
            layer.put(key, key.encode())
        until(lambda: {"a", "b", "c"} <= below.content().keys())
        assert b"r" == read(layer, "refused")
        until(lambda: puts(below).count("refused") >= 3)
        assert layer.report()["failures_total"] >= 2
        assert (1, 1) == (layer.report()["pending_objects"], layer.report()["pending_bytes"])
        below.fault = lambda *_: None
        drained(layer)
        assert b"r" == below.content()["refused"]


def test_an_outage(below: CommandedStore, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """All is uploaded in the end, the log tells it once and not for each, and waits between are bounded."""
    error: StoreError | None = Unavailable("away")
    below.fault = lambda *_: error
    with opened(below, tmp_path, Uploaders=4) as layer:
        for number in range(50):
            layer.put(str(number), b"%d" % number)
        below.wait_for("put", 20)
        assert 50 == layer.report()["pending_objects"]
        error = None
        drained(layer)
        assert {str(number): b"%d" % number for number in range(50)} == below.content()
        assert 50 == layer.report()["uploaded_total"]
        assert layer.report()["failures_total"] >= 16
    told = [record.message for record in caplog.records if record.name.endswith("write_behind")]
    assert 2 == len(told)
    assert told[0].startswith("away. ")
    assert told[1].startswith("The storage takes objects again: ")


def test_who_asks_to_wait_is_waited_for(below: CommandedStore, tmp_path: Path) -> None:
    """Nobody calls while the storage has asked for silence."""
    answers: list[StoreError] = [Unavailable("slow down", retry_after=0.5)]
    below.fault = lambda *_: answers.pop() if answers else None
    with opened(below, tmp_path) as layer:
        started = time.monotonic()
        layer.put("a", b"1")
        layer.put("b", b"2")
        drained(layer)
        assert time.monotonic() - started > 0.5
        assert 3 == below.count("put")


@pytest.mark.parametrize("answers", [True, False])
def test_close(below: CommandedStore, tmp_path: Path, *, answers: bool) -> None:
    """Uploads go on for as long as they may; then the rest stays, and the next one takes it over."""
    below.hold("put")
    with opened(below, tmp_path, DrainTimeout=10 if answers else 0.2) as layer:
        for key in "abc":
            layer.put(key, key.encode())
        below.wait_for("put")
        started = time.monotonic()
        if answers:
            below.release()
        layer.close()
        layer.close()
        assert time.monotonic() - started < 2
        assert ([] if answers else 3) == (pending(tmp_path) if answers else len(pending(tmp_path)))
        assert 1 == below.count("close")
        for call in (lambda: layer.put("d", b""), lambda: layer.delete("a"), lambda: read(layer, "a")):
            with pytest.raises(Unavailable, match="the store is closed"):
                call()
    assert ({"a", "b", "c"} if answers else {"a"}) >= below.content().keys()
    with opened(below, tmp_path) as layer:
        drained(layer)
    assert {"a": b"a", "b": b"b", "c": b"c"} == below.content()


def test_two_on_one_folder(below: CommandedStore, tmp_path: Path) -> None:
    """The second one is refused, and breaks nothing of the first."""
    below.hold("put")
    with opened(below, tmp_path) as layer:
        layer.put("a", b"1")
        with (
            pytest.raises(ConfigInvalid, match=r"WriteBehind.Path: another process uses the folder"),
            opened(below, tmp_path),
        ):
            pass
        below.release()
        drained(layer)


def test_a_disk_without_room(below: CommandedStore, tmp_path: Path) -> None:
    """A write waits for room on it, is refused when there is none, and leaves nothing behind."""
    below.hold("put")
    with mounted(tmp_path / "small", "size=100k") as small, opened(below, small / "spool") as layer:
        layer.put("a", bytes(60 << 10))
        started = time.monotonic()
        with pytest.raises(StorageFull, match="the disk of the spool is full, object 'b' was not accepted"):
            layer.put("b", bytes(60 << 10))
        assert 0.25 < time.monotonic() - started < 3
        assert (1, 60 << 10) == (layer.report()["pending_objects"], layer.report()["pending_bytes"])
        assert [] == os.listdir(small / "spool" / "incoming")
        below.release()
        drained(layer)
        layer.put("b", bytes(60 << 10))
        drained(layer)
    assert {"a", "b"} == below.content().keys()


def test_what_a_file_holds(below: CommandedStore, tmp_path: Path) -> None:
    """A sealed file with the stored bytes, readable for its owner alone, so that it can be had back without us."""
    below.hold("put")
    with opened(below, tmp_path) as layer:
        layer.put("archives/ü", b"abc")
        path = tmp_path / "pending" / "0000000000000001"
        assert 0o600 == path.stat().st_mode & 0o777
        assert b"abc" == path.read_bytes()[:3]
        with sealed.SealedFile(str(path)) as file:
            assert ("archives/ü", 3) == (file.key, file.size)
