"""Write-behind beside its neighbours: the cache below it, and whoever stores at the same time."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from storage_plugins import compose
from storage_plugins.config.layers import CacheOptions, WriteBehindOptions
from storage_plugins.config.orthanc import OrthancConfiguration
from storage_plugins.disk import sealed
from storage_plugins.errors import NotFound
from storage_plugins.layers import turns
from storage_plugins.layers.cache import CacheLayer
from storage_plugins.layers.write_behind import WriteBehindLayer
from storage_plugins.metrics import Metrics
from storage_plugins.testing.media import read
from tests.live.test_faults import mounted
from tests.unit.conftest import CommandedStore, until


def layers(below: CommandedStore, folder: Path) -> WriteBehindLayer:
    """As `compose` stacks them."""
    cache = CacheLayer(below, CacheOptions(Path=str(folder / "cache"), MaximumSize=10, WriteThrough=False))
    options = WriteBehindOptions(Path=str(folder / "spool"), MaximumSize=10, DrainTimeout=0)
    return WriteBehindLayer(cache, options, cache.keep)


def drained(layer: WriteBehindLayer) -> None:
    """Waits until everything is uploaded."""
    until(lambda: layer.report()["pending_objects"] == 0)


def test_what_was_uploaded_is_not_written_again(below: CommandedStore, tmp_path: Path) -> None:
    """The file of the spool becomes the file of the cache, serves reads without the storage, and goes with a delete."""
    below.hold("put")
    with layers(below, tmp_path) as layer:
        layer.put("a/b", b"abc" * 1000)
        (waiting,) = (tmp_path / "spool" / "pending").iterdir()
        number = waiting.stat().st_ino
        cached = tmp_path / "cache" / "objects" / "a" / "b"
        assert not cached.exists()

        below.release()
        drained(layer)
        assert [] == list((tmp_path / "spool" / "pending").iterdir())
        assert (number, 1) == (cached.stat().st_ino, cached.stat().st_nlink)
        assert b"abc" * 1000 == read(layer, "a/b")
        assert 0 == below.count("read")

        layer.delete("a/b")
        assert not cached.exists()
        with pytest.raises(NotFound):
            read(layer, "a/b")


def test_an_object_is_kept_when_the_disks_are_two(below: CommandedStore, tmp_path: Path) -> None:
    """Then its bytes are written a second time."""
    with mounted(tmp_path / "cache", "size=1m"), layers(below, tmp_path) as layer:
        layer.put("k", b"abc" * 1000)
        drained(layer)
        until((tmp_path / "cache" / "objects" / "k").exists, 1)


@pytest.mark.parametrize("patience", [60.0, 0.2])
def test_uploads_give_way(
    below: CommandedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    """No upload begins while somebody writes, for some seconds; then it begins all the same."""
    monkeypatch.setattr(turns, "_GIVES_WAY", patience)
    came, slow = threading.Event(), threading.Event()
    write = sealed.write

    def hesitant(path: str, key: str, data: Any, *, sync: bool) -> None:
        if key == "slow":
            came.set()
            slow.wait(20)
        write(path, key, data, sync=sync)

    monkeypatch.setattr(sealed, "write", hesitant)
    with WriteBehindLayer(below, WriteBehindOptions(Path=str(tmp_path), MaximumSize=10, DrainTimeout=0)) as layer:
        writer = threading.Thread(target=layer.put, args=("slow", b"abc"))
        writer.start()
        assert came.wait(20)
        layer.put("quick", b"abc")
        if patience > 1:
            time.sleep(0.4)
            assert 0 == below.count("put")
        else:
            until(lambda: below.count("put") == 1, 5)
        slow.set()
        writer.join()
        drained(layer)
        assert {"slow", "quick"} == set(below.content())


def test_uploads_wait_for_a_pause(below: CommandedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients of a burst are not all at the disk at every moment: a moment without is not yet their end."""
    monkeypatch.setattr(turns, "_QUIET", 0.5)
    with WriteBehindLayer(below, WriteBehindOptions(Path=str(tmp_path), MaximumSize=10)) as layer:
        for number in range(20):
            layer.put(str(number), b"abc")
            time.sleep(0.05)
        assert 0 == below.count("put")
        drained(layer)
    assert 20 == len(below.content())


def test_a_start_with_a_full_disk_under_the_cache(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Orthanc runs without a cache, and the log says so."""
    with mounted(tmp_path / "small", "size=64k") as small:
        (small / "filled").write_bytes(bytes(60 << 10))
        section = {
            "Backend": "fsspec",
            "Options": {"Url": "memory://full"},
            "Cache": {"Path": str(small / "cache"), "MaximumSize": 10},
        }
        plan = compose.plan(OrthancConfiguration({"StoragePlugins": section}, str(tmp_path)))
        metrics = Metrics()
        with caplog.at_level(logging.WARNING), compose.open_store(plan, metrics) as store:
            store.put("k", b"abc")
            assert b"abc" == read(store, "k")
            assert "cache" not in metrics.reports()
    assert "Orthanc runs without a cache until it is started again" in caplog.text
