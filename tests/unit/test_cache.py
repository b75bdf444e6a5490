from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from storage_plugins.config.layers import CacheOptions
from storage_plugins.disk import sealed
from storage_plugins.errors import ConfigInvalid, Corrupt, NotFound, RangeInvalid, StoreError, Unavailable
from storage_plugins.layers.cache import CacheLayer
from storage_plugins.testing.media import read
from tests.unit.conftest import CommandedStore, together

KIB = 1 << 10
HEAD = 4 * KIB
MAXIMUM = 1 << 20


@contextmanager
def opened(below: CommandedStore, folder: Path, **options: Any) -> Iterator[CacheLayer]:
    """A cache of 1 MB with heads of 4 KiB."""
    given = {"Path": str(folder), "MaximumSize": 1, "HeaderSize": 4, **options}
    layer = CacheLayer(below, CacheOptions(**given))
    try:
        yield layer
    finally:
        layer.close()


def data(seed: int, size: int) -> bytes:
    """Content that tells objects apart."""
    return (b"%d " % seed * size)[:size]


def part(layer: CacheLayer, key: str, start: int, size: int) -> bytes:
    """A range of an object."""
    target = bytearray(size)
    layer.read_range(key, start, memoryview(target))
    return bytes(target)


def kept(folder: Path) -> dict[str, int]:
    """What is on the disk: sizes of the data by kind and key."""
    found = {}
    for kind in ("objects", "heads"):
        for path in (folder / kind).rglob("*"):
            if path.is_file():
                with sealed.SealedFile(str(path)) as file:
                    found[path.relative_to(folder).as_posix()] = file.size
    return found


def fill(layer: CacheLayer, count: int, size: int = 100 * KIB, first: int = 0) -> None:
    """Objects by number."""
    for number in range(first, first + count):
        layer.put(str(number), data(number, size))


def test_many_readers_of_one_object(below: CommandedStore, tmp_path: Path) -> None:
    """Whoever asks while it is fetched waits for that one, whole or head; all get the right bytes."""
    below.inner.put("a", data(1, 50 * KIB))
    with opened(below, tmp_path) as layer:
        below.hold("read")
        below.hold("read_range")
        results: list[object] = []
        for verb, work in (("read_range", lambda _: part(layer, "a", 5, 100)), ("read", lambda _: read(layer, "a"))):

            def freed(number: int, verb: str = verb, work: Any = work) -> bytes:
                if number == 16:
                    below.wait_for(verb)
                    time.sleep(0.1)
                    below.release()
                    return b""
                return bytes(work(number))

            results += together(17, freed)[:16]
        assert [data(1, 50 * KIB)[5:105]] * 16 + [data(1, 50 * KIB)] * 16 == results
        assert [("read_range", "a"), ("read", "a")] == below.calls
        assert (30, 2) == (layer.report()["hits_total"], layer.report()["misses_total"])


def test_readers_who_come_and_go(below: CommandedStore, tmp_path: Path) -> None:
    """One read of the store below for each object, also for who looked just before another one had fetched it."""
    for number in range(300):
        below.inner.put(str(number), data(number, 500))
    with opened(below, tmp_path) as layer:

        def work(_: int) -> None:
            for number in range(300):
                assert data(number, 500) == read(layer, str(number))

        assert [None] * 8 == together(8, work)
        assert 300 == below.count("read")


def test_a_reader_who_looked_too_early(below: CommandedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the disk and the call below, another one has fetched it: there is no second call."""
    below.inner.put("a", b"abc")
    with opened(below, tmp_path) as layer:
        board = layer._flights.board

        def late(key: str, kind: str) -> Any:
            monkeypatch.undo()
            assert b"abc" == read(layer, "a")
            return board(key, kind)

        monkeypatch.setattr(layer._flights, "board", late)
        assert b"abc" == read(layer, "a")
        assert 1 == below.count("read")


@pytest.mark.parametrize(
    "error", [Unavailable("away", retry_after=3.0), Corrupt("torn", retryable=True), NotFound("x")]
)
def test_an_error_is_for_all_who_wait(below: CommandedStore, tmp_path: Path, error: StoreError) -> None:
    """They do not ask one after the other, each with a timeout of its own. Who comes later asks again."""
    below.inner.put("a", b"abc")
    with opened(below, tmp_path) as layer:
        below.hold("read")
        below.fault = lambda _verb, _key: error

        def work(number: int) -> object:
            if number == 8:
                below.wait_for("read")
                time.sleep(0.1)
                below.release()
                return None
            return read(layer, "a")

        results = together(9, work)[:8]
        assert [(type(error), str(error), error.retryable, error.retry_after)] * 8 == [
            (type(result), str(result), result.retryable, result.retry_after)
            for result in results
            if isinstance(result, StoreError)
        ]
        assert 1 == below.count("read")
        below.fault = lambda _verb, _key: None
        assert b"abc" == read(layer, "a")
        assert 2 == below.count("read")


@pytest.mark.parametrize("verb", ["read", "read_range"])
def test_a_delete_during_a_fetch(below: CommandedStore, tmp_path: Path, verb: str) -> None:
    """Who was first gets what was there; nothing of it stays."""
    below.inner.put("a", data(1, 10 * KIB))
    with opened(below, tmp_path) as layer:
        below.hold(verb, after=True)

        def work(number: int) -> object:
            if number == 0:
                return read(layer, "a") if verb == "read" else part(layer, "a", 0, 10)
            below.wait_for(verb)
            time.sleep(0.05)
            layer.delete("a")
            below.release()
            return None

        found, _ = together(2, work)
        assert found in {data(1, 10 * KIB), data(1, 10)}
        assert {} == kept(tmp_path)
        with pytest.raises(NotFound):
            read(layer, "a")


def test_heads(below: CommandedStore, tmp_path: Path) -> None:
    """The first range fetches the head and keeps it, the next ones need nobody; what is behind it is asked for."""
    below.inner.put("a", data(1, 3 * HEAD))
    with opened(below, tmp_path) as layer:
        assert data(1, 3 * HEAD)[10:20] == part(layer, "a", 10, 10)
        assert {"heads/a": HEAD} == kept(tmp_path)
        assert data(1, HEAD) == part(layer, "a", 0, HEAD)
        assert 1 == len(below.calls)
        for _ in range(2):
            assert data(1, 3 * HEAD)[HEAD - 1 : HEAD + 1] == part(layer, "a", HEAD - 1, 2)
        assert 3 == len(below.calls)
        assert {"heads/a": HEAD} == kept(tmp_path)
        assert data(1, 3 * HEAD) == read(layer, "a")
        assert data(1, 3 * HEAD)[HEAD - 1 : HEAD + 1] == part(layer, "a", HEAD - 1, 2)
        with pytest.raises(RangeInvalid):
            part(layer, "a", 3 * HEAD - 1, 2)
        assert b"" == part(layer, "absent", 10, 0)


@pytest.mark.parametrize("size", [0, 1, 100, HEAD - 1, HEAD])
def test_objects_that_are_smaller_than_a_head(below: CommandedStore, tmp_path: Path, size: int) -> None:
    """Are kept as a whole; a range past their end is invalid each time, for all who ask, and not kept."""
    below.inner.put("a", data(1, size))
    with opened(below, tmp_path) as layer:
        for end in {max(size + 1, HEAD), HEAD + 1}:
            errors = together(8, lambda _, end=end: part(layer, "a", size // 2, end - size // 2))  # type: ignore[misc]
            assert {RangeInvalid} == set(map(type, errors))
        assert [data(1, size)] * 8 == together(8, lambda _: part(layer, "a", 0, size))
        expected = {} if size == 0 else {"heads/a": HEAD} if size == HEAD else {"objects/a": size}
        assert expected == kept(tmp_path) or size == 0
        assert data(1, size) == read(layer, "a")


def test_an_invalid_range_is_not_for_all_who_wait(below: CommandedStore, tmp_path: Path) -> None:
    """Who waits for it may want a part that there is."""
    below.inner.put("a", data(1, 100))
    with opened(below, tmp_path) as layer:
        below.hold("read_range")

        def work(number: int) -> object:
            if number == 0:
                return part(layer, "a", 50, 51)
            below.wait_for("read_range")
            if number < 9:
                return part(layer, "a", 50, 50)
            time.sleep(0.1)
            below.release()
            return None

        first, *others = together(10, work)
        assert isinstance(first, RangeInvalid)
        assert [data(1, 100)[50:]] * 8 == others[:8]
        assert [("read_range", "a"), ("read", "a")] == below.calls


def test_without_heads(below: CommandedStore, tmp_path: Path) -> None:
    """HeaderSize 0: a range is what was asked for, and not kept."""
    below.inner.put("a", data(1, HEAD))
    with opened(below, tmp_path, HeaderSize=0) as layer:
        for _ in range(2):
            assert data(1, 1) == part(layer, "a", 0, 1)
        assert 2 == below.count("read_range")
        assert {} == kept(tmp_path)


@pytest.mark.parametrize("pair", [("a", "a/b"), ("a/b", "a"), ("x" * 255, "x" * 256), ("ü" * 127, "ü" * 128)])
def test_keys_that_have_no_place(
    below: CommandedStore, tmp_path: Path, pair: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """They are read and written around the cache, which serves the others as before and complains of nothing."""
    first, second = pair
    with opened(below, tmp_path) as layer:
        for number, key in enumerate((*pair, "other")):
            layer.put(key, data(number, 100))
        for _ in range(2):
            for number, key in enumerate((*pair, "other")):
                assert data(number, 100) == read(layer, key)
                assert data(number, 10) == part(layer, key, 0, 10)
        assert {f"objects/{first}", "objects/other"} <= kept(tmp_path).keys()
        assert [second] == sorted({key for verb, key in below.calls if verb == "read"})
        layer.delete(second)
        with pytest.raises(NotFound):
            read(layer, second)
        assert data(0, 100) == read(layer, first)
        layer.put("later", b"abc")
        assert "objects/later" in kept(tmp_path)
        assert not layer.report()["failing"]
        assert [] == list((tmp_path / "incoming").iterdir())
    assert "" == caplog.text


def test_close(below: CommandedStore, tmp_path: Path) -> None:
    """Is quick, may be made twice, gives the folder to the next one, and refuses what comes later."""
    with opened(below, tmp_path) as layer:
        fill(layer, 5)
        started = time.monotonic()
        layer.close()
        layer.close()
        assert time.monotonic() - started < 1
        assert 1 == below.count("close")
        for call in (lambda: read(layer, "0"), lambda: layer.put("0", b""), lambda: layer.delete("0")):
            with pytest.raises(Unavailable, match="the store is closed"):
                call()
    with opened(below, tmp_path) as layer:
        assert data(0, 100 * KIB) == read(layer, "0")
        assert (5, 500 * KIB) == (layer.report()["entries"], layer.report()["bytes"])
        with pytest.raises(ConfigInvalid, match="another process uses the folder"), opened(below, tmp_path):
            pass


def test_objects_that_are_too_large(below: CommandedStore, tmp_path: Path) -> None:
    """Push nothing out, and are fetched each time."""
    with opened(below, tmp_path) as layer:
        fill(layer, 2)
        layer.put("large", bytes(MAXIMUM))
        for _ in range(2):
            assert bytes(MAXIMUM) == read(layer, "large")
        assert {"objects/0": 100 * KIB, "objects/1": 100 * KIB} == kept(tmp_path)


def test_a_put_again(below: CommandedStore, tmp_path: Path) -> None:
    """Neither the object nor the head of before is served, with and without write-through."""
    for through in (True, False):
        with opened(below, tmp_path / str(through), WriteThrough=through) as layer:
            for turn in range(3):
                layer.put("a", data(turn, 2 * HEAD))
                assert data(turn, 10) == part(layer, "a", 0, 10)
                assert data(turn, 2 * HEAD) == read(layer, "a")
