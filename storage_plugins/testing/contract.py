"""The contract of a store as functions: each checks one promise of `Store` and raises when it is broken.

With pytest:

    from storage_plugins.testing import contract

    @pytest.mark.parametrize("check", contract.CHECKS, ids=contract.name)
    def test_contract(check, rig):
        check(rig)

where `rig` is a fixture that gives a `Rig`. An operator runs the same functions with `orthanc-storage check`.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from storage_plugins.errors import KeyInvalid, NotFound, RangeInvalid, StoreError, Unavailable
from storage_plugins.store import Files, Store
from storage_plugins.testing.expect import raises, same
from storage_plugins.testing.media import Medium, read

MIB = 1 << 20
PREFIX = "contract/"
"""Of the keys of a check."""


@dataclass(slots=True)
class Rig:
    """A store to check, and the ways around it."""

    store: Store
    medium: Medium
    reopen: Callable[[], Store]
    """Opens another store on the same medium."""

    persistent: bool = True
    """Whether objects outlive the store that wrote them."""

    prefix: str = PREFIX
    """Put before every key. Whatever is below it belongs to the check."""

    largest: int = 64 * MIB
    """Size of the largest object, in bytes."""

    random: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - not for secrets


Check: TypeAlias = Callable[[Rig], None]


@dataclass(frozen=True, slots=True)
class Result:
    """How a check went. `error` is None when the promise was kept."""

    name: str
    seconds: float
    error: BaseException | None


def run(rig: Rig) -> Iterator[Result]:
    """Runs every check and tells how each went, also after one has failed."""
    for check in CHECKS:
        started = time.perf_counter()
        error: BaseException | None = None
        try:
            check(rig)
        except Exception as caught:  # noqa: BLE001 - a check may find any error
            error = caught
        yield Result(name(check), time.perf_counter() - started, error)


def clean(rig: Rig) -> None:
    """Removes everything that the checks have left."""
    for info in list(rig.store.list(rig.prefix)):
        rig.store.delete(info.key)


def name(check: Check) -> str:
    """A check's name for people."""
    return check.__name__.removeprefix("check_").replace("_", " ")


def check_put_reaches_the_medium(rig: Rig) -> None:
    """On return of `put` the medium holds exactly the bytes."""
    for size in (0, 1, 4095, 4096, 525_312, MIB + 3):
        key, data = f"{rig.prefix}put/{size}", rig.random.randbytes(size)
        rig.store.put(key, data)
        same(data, rig.medium.read(key))


def check_read_gives_what_the_medium_holds(rig: Rig) -> None:
    """`read` gives what another program has written, and asks for memory once, with the exact size."""
    for size in (0, 1, 4097, MIB + 1):
        key, data = f"{rig.prefix}read/{size}", rig.random.randbytes(size)
        rig.medium.write(key, data)
        memory = bytearray(size)
        asked: list[int] = []

        def allocate(wanted: int, memory: bytearray = memory, asked: list[int] = asked) -> memoryview:
            asked.append(wanted)
            return memoryview(memory)

        rig.store.read(key, allocate)
        same([size], asked)
        same(data, bytes(memory))


def check_files_are_the_objects(rig: Rig) -> None:
    """If the store says that its objects are files, they are: whole, and with their size beside them."""
    files = rig.store.files()
    if not isinstance(files, Files):
        return
    key, data = f"{rig.prefix}files/x", rig.random.randbytes(100_000)
    rig.store.put(key, data)
    same(data, Path(files.folder, key).read_bytes())
    with suppress(OSError):  # a filesystem without attributes
        same(b"100000", os.getxattr(Path(files.folder, key), files.size_attribute))


def check_large_objects(rig: Rig) -> None:
    """Objects up to the largest size go through whole, and in ranges."""
    for size in (rig.largest // 16, rig.largest // 4, rig.largest):
        key, data = f"{rig.prefix}large/{size}", rig.random.randbytes(size)
        rig.store.put(key, data)
        same(data, rig.medium.read(key))
        same(data, read(rig.store, key))
        same(data[-1000:], _range(rig.store, key, size - 1000, 1000))
        rig.store.delete(key)


def check_objects_outlive_their_store(rig: Rig) -> None:
    """What was put is there for the next store on the same medium."""
    if not rig.persistent:
        return
    key, data = f"{rig.prefix}durable", rig.random.randbytes(100_000)
    with rig.reopen() as store:
        store.put(key, data)
    with rig.reopen() as store:
        same(data, read(store, key))


def check_ranges_are_exact(rig: Rig) -> None:
    """A range from the start, the middle or the end is the same slice of the object."""
    key, data = f"{rig.prefix}range", rig.random.randbytes(100_000)
    rig.medium.write(key, data)
    for start, size in ((0, 1), (0, 100_000), (1, 99_999), (4096, 4096), (50_000, 1), (99_999, 1), (90_001, 9_999)):
        same(data[start : start + size], _range(rig.store, key, start, size))


def check_ranges_past_the_end_are_refused(rig: Rig) -> None:
    """A range that ends past the end of the object raises RangeInvalid: never zeros, never fewer bytes."""
    for length in (0, 1000):
        key = f"{rig.prefix}short/{length}"
        rig.medium.write(key, rig.random.randbytes(length))
        for start, size in ((0, length + 1), (length, 1), (length + 1, 1), (length * 1000 + 7, 100), (1 << 40, 1)):
            raises(RangeInvalid, lambda k=key, s=start, n=size: _range(rig.store, k, s, n))  # type: ignore[misc]


def check_empty_ranges(rig: Rig) -> None:
    """An empty target is filled without asking the medium."""
    key = f"{rig.prefix}empty-range"
    rig.store.put(key, b"abc")
    for start in (0, 3):
        same(b"", _range(rig.store, key, start, 0))


def check_absent_objects(rig: Rig) -> None:
    """Reading what is not there raises NotFound; deleting it is no error."""
    key = f"{rig.prefix}absent"
    raises(NotFound, lambda: read(rig.store, key))
    raises(NotFound, lambda: _range(rig.store, key, 0, 1))
    raises(NotFound, lambda: rig.store.stat(key))
    rig.store.delete(key)
    rig.store.delete(f"{rig.prefix}absent-folder/absent")


def check_a_part_of_a_key_is_no_object(rig: Rig) -> None:
    """The "folder" of a key is not an object."""
    rig.store.put(f"{rig.prefix}folder/object", b"abc")
    raises(NotFound, lambda: read(rig.store, f"{rig.prefix}folder"))
    raises(NotFound, lambda: read(rig.store, f"{rig.prefix}folder/object/below"))
    raises(NotFound, lambda: rig.store.stat(f"{rig.prefix}folder"))
    rig.store.delete(f"{rig.prefix}folder")
    rig.store.delete(f"{rig.prefix}folder/object/below")
    same(b"abc", rig.medium.read(f"{rig.prefix}folder/object"))


def check_delete_removes_from_the_medium(rig: Rig) -> None:
    """After `delete` the medium holds nothing, neighbours stay, and a read raises NotFound."""
    key, neighbour = f"{rig.prefix}delete/a", f"{rig.prefix}delete/b"
    rig.store.put(key, b"a")
    rig.store.put(neighbour, b"b")
    rig.store.delete(key)
    same(None, rig.medium.read(key))
    raises(NotFound, lambda: read(rig.store, key))
    rig.store.delete(key)
    same(b"b", rig.medium.read(neighbour))


def check_put_replaces(rig: Rig) -> None:
    """A put that is repeated replaces the object, also by a shorter one, and leaves nothing else."""
    key = f"{rig.prefix}replace"
    for data in (rig.random.randbytes(10_000), rig.random.randbytes(10_000), b"short", b""):
        rig.store.put(key, data)
        same(data, rig.medium.read(key))
    same({key}, set(filter(lambda found: found.startswith(key), rig.medium.keys())))


def check_put_keeps_no_reference(rig: Rig) -> None:
    """The caller's memory may change as soon as `put` has returned."""
    key, memory = f"{rig.prefix}reference", bytearray(b"x" * 100_000)
    rig.store.put(key, memoryview(memory).toreadonly())
    memory[:] = b"y" * 100_000
    same(b"x" * 100_000, read(rig.store, key))


def check_objects_are_never_visible_in_part(rig: Rig) -> None:
    """While an object is replaced, a reader gets the old one or the new one, through the store and around it."""
    key = f"{rig.prefix}atomic"
    versions = [bytes([value]) * (rig.largest // 32 + value) for value in range(2)]
    rig.store.put(key, versions[0])

    def write() -> None:
        for turn in range(20):
            rig.store.put(key, versions[turn % 2])

    with ThreadPoolExecutor() as pool:
        writer = pool.submit(write)
        while not writer.done():
            same(True, read(rig.store, key) in versions)
            same(True, rig.medium.read(key) in versions)
        writer.result()


def check_many_threads(rig: Rig) -> None:
    """32 threads put, read, read ranges and delete without disturbing each other."""

    def work(thread: int) -> None:
        source = random.Random(thread)  # noqa: S311 - not for secrets
        for turn in range(6):
            key, data = f"{rig.prefix}threads/{thread % 4}/{thread}-{turn}", source.randbytes(20_000)
            rig.store.put(key, data)
            same(data, read(rig.store, key))
            same(data[500:1500], _range(rig.store, key, 500, 1000))
            rig.store.delete(key)
            raises(NotFound, lambda k=key: read(rig.store, k))  # type: ignore[misc]

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(work, range(32)))


def check_keys_at_the_edge_of_the_alphabet(rig: Rig) -> None:
    """Keys that differ only a little are different objects, and odd characters are kept."""
    names = [
        "a b",
        "a+b",
        "a%20b",
        "a=b&c",
        "A",
        "a",
        "(1)",
        "dot.",
        "-dash",
        "~tilde",
        "Zürich",
        "画像",
        "x" * 200,
        "q'\"s",
    ]
    names += ["a/b/c/d/e/f", "a.b/c", "0" * 8 + ".dcm.head", "!$*,;:@_"]
    keys = [f"{rig.prefix}keys/{index}/{text}" for index, text in enumerate(names)]
    for key in keys:
        rig.store.put(key, key.encode())
    for key in keys:
        same(key.encode(), rig.medium.read(key))
        same(key.encode(), read(rig.store, key))
    same(sorted(keys), sorted(info.key for info in rig.store.list(f"{rig.prefix}keys/")))


def check_many_are_deleted(rig: Rig) -> None:
    """`delete_many` removes what is there, in one go or several, and nothing else; what is absent is no error."""
    keys = [f"{rig.prefix}many/{number}" for number in range(12)]
    for key in keys:
        rig.store.put(key, b"abc")
    same({}, rig.store.delete_many([*keys[:5], f"{rig.prefix}many/absent"]))
    same(keys[5:], [key for key in keys if rig.medium.read(key) is not None])
    same({}, rig.store.delete_many(keys[5:]))
    same([], [key for key in keys if rig.medium.read(key) is not None])
    raises(NotFound, lambda: read(rig.store, keys[0]))


def check_bad_keys_are_refused(rig: Rig) -> None:
    """A key that could leave the root, or that no medium accepts, raises KeyInvalid and touches nothing."""
    before = rig.medium.keys()
    for bad in ("../x", "x/../../y", "x//y", "/x", "x/", ".", "..", "x/./y", "nul\0", "line\n", "y" * 2000):
        raises(KeyInvalid, lambda key=rig.prefix + bad: rig.store.put(key, b"bad"))  # type: ignore[misc]
        raises(KeyInvalid, lambda key=rig.prefix + bad: read(rig.store, key))  # type: ignore[misc]
        raises(KeyInvalid, lambda key=rig.prefix + bad: rig.store.delete(key))  # type: ignore[misc]
    for bad in ("", "/etc/passwd", "../up"):
        raises(KeyInvalid, lambda key=bad: rig.store.put(key, b"bad"))  # type: ignore[misc]
    same(before, rig.medium.keys())


def check_stat_and_list_tell_sizes(rig: Rig) -> None:
    """`stat` and `list` describe the objects that are there, and `list` only those below its prefix."""
    sizes = {f"{rig.prefix}list/{size}": size for size in (0, 1, 70_000)}
    for key, size in sizes.items():
        rig.store.put(key, bytes(size))
        same((key, size), (rig.store.stat(key).key, rig.store.stat(key).size))
    rig.store.put(f"{rig.prefix}lisp", b"")
    same(sizes, {info.key: info.size for info in rig.store.list(f"{rig.prefix}list")})


def check_memory_errors_pass(rig: Rig) -> None:
    """When the caller has no memory its MemoryError comes back, and the store goes on."""
    key = f"{rig.prefix}memory"
    rig.store.put(key, b"abc")

    def refuse(size: int) -> memoryview:
        raise MemoryError(size)

    raises(MemoryError, lambda: rig.store.read(key, refuse))
    same(b"abc", read(rig.store, key))


def check_a_closed_store_says_so(rig: Rig) -> None:
    """After `close`, which may be repeated, every verb raises Unavailable."""
    store = rig.reopen()
    store.close()
    store.close()
    key = f"{rig.prefix}closed"
    raises(Unavailable, lambda: store.put(key, b"abc"))
    raises(Unavailable, lambda: read(store, key))
    raises(Unavailable, lambda: _range(store, key, 0, 1))
    raises(Unavailable, lambda: store.delete(key))
    raises(Unavailable, lambda: store.stat(key))
    raises(Unavailable, lambda: list(store.list()))


def check_close_while_busy(rig: Rig) -> None:
    """A store that is closed under load ends each call well or with a StoreError, and keeps what it has accepted."""
    store = rig.reopen()
    accepted: list[str] = []

    def work(thread: int) -> None:
        with suppress(StoreError):
            for turn in range(1000):
                key = f"{rig.prefix}busy/{thread}-{turn}"
                store.put(key, key.encode() * 1000)
                accepted.append(key)
                same(key.encode() * 1000, read(store, key))

    with ThreadPoolExecutor(8) as pool:
        workers = [pool.submit(work, thread) for thread in range(8)]
        time.sleep(0.1)
        store.close()
        for worker in workers:
            worker.result()
    if rig.persistent:
        for key in accepted:
            same(key.encode() * 1000, rig.medium.read(key))


CHECKS: tuple[Check, ...] = tuple(
    value for key, value in list(globals().items()) if key.startswith("check_") and callable(value)
)
"""All checks, in the order of this file."""


def _range(store: Store, key: str, start: int, size: int) -> bytes:
    target = bytearray(b"\xa5" * size)
    store.read_range(key, start, memoryview(target))
    return bytes(target)
