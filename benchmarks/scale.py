"""A million files in the cache and 100,000 pending objects: starts, memory, and what a single call costs.

The files are small: it is their number that counts. They go to the folder for temporary files, which needs room for a
million files and 5 GB. Takes some minutes. Without --quick the result is kept: benchmarks/results and
docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from benchmarks import figures, report
from benchmarks.local import orthanc_version
from benchmarks.rounds import BenchmarkError
from storage_plugins import registry
from storage_plugins.config.layers import CacheOptions, WriteBehindOptions
from storage_plugins.disk import sealed
from storage_plugins.disk.cache import CacheDisk
from storage_plugins.disk.cache_index import CacheIndex
from storage_plugins.disk.spool import Spool, pending_folder
from storage_plugins.errors import Unavailable
from storage_plugins.layers.cache import CacheLayer
from storage_plugins.layers.write_behind import WriteBehindLayer
from storage_plugins.store import Store
from storage_plugins.testing.faults import Fault, FaultStore

GOALS: Final = {"open": 10, "memory": 300}
"""Seconds for both layers together; MB of both."""

CLOSED, KILLED, LOST = "closed", "killed", "killed, index lost"

_SIZE: Final = 200  # bytes of an object
_DATA: Final = bytes(_SIZE)
_KIND: Final = "objects"
_LEVELS: Final = (1_000, 10_000, 100_000, 1_000_000)
_CALLS: Final = 2000


def _out_of_reach() -> Store:
    """What is pending stays so."""
    backend = registry.find("memory")
    return FaultStore(backend(backend.Options()), [Fault("put", Unavailable("out of reach"))] * 1000)


def calls(folder: str, levels: Iterable[int]) -> Iterator[tuple[int, dict[str, float]]]:
    """Microseconds of each kind of call, by how many files there are."""
    keys: list[str] = []
    for level in levels:
        new = [_key() for _ in range(level - len(keys))]
        keys += new
        _fill(folder, new)
        yield level, _time_calls(folder, keys)


def _fill(folder: str, keys: list[str]) -> None:
    """As a cache leaves them that was closed, but faster."""
    os.makedirs(f"{folder}/{_KIND}", exist_ok=True)
    for key in keys:
        sealed.write(f"{folder}/{_KIND}/{key}", key, _DATA, sync=False)
    now = time.time()
    with closing(CacheIndex(f"{folder}/index.db")) as index:
        index.change((f"{_KIND}/{key}", _SIZE, now) for key in keys)
        index.set_complete(True)


def _time_calls(folder: str, keys: list[str]) -> dict[str, float]:
    os.sync()
    found = {}
    with closing(CacheDisk(folder, 1 << 60, (_KIND,))) as disk:
        target = memoryview(bytearray(_SIZE))

        def use(key: str) -> None:
            disk.use(_KIND, key, lambda file: file.read_range(0, target))

        found["hit"] = _micro(statistics.median(_times(use, random.sample(keys, min(_CALLS, len(keys))))))
        found["miss"] = _micro(statistics.median(_times(use, [_key() for _ in range(_CALLS)])))
        new = [_key() for _ in range(_CALLS)]
        found["keep"] = _micro(statistics.median(_times(lambda key: disk.keep(_KIND, key, _DATA), new)))
        keys += new
        full = int(disk.report()["bytes"])
    with closing(CacheDisk(folder, full, (_KIND,))) as disk:
        new = [_key() for _ in range(_CALLS)]
        times = _times(lambda key: disk.keep(_KIND, key, _DATA), new)
        if not disk.report()["evicted_total"]:
            msg = "nothing was evicted from a full cache"
            raise BenchmarkError(msg)
        found["keep, full"] = _micro(statistics.median(times))
        found["keep, full, longest"] = _micro(max(times))
        keys += new
    there = set(os.listdir(f"{folder}/{_KIND}"))
    keys[:] = [key for key in keys if key in there]
    return found


def _times(call: Callable[[str], None], keys: Iterable[str]) -> list[float]:
    times = []
    for key in keys:
        started = time.perf_counter()
        call(key)
        times.append(time.perf_counter() - started)
    return times


def _micro(seconds: float) -> float:
    return round(seconds * 1e6, 1)


def _key() -> str:
    return f"{uuid.UUID(int=random.getrandbits(128))}.dcm"


def pending(folder: str, count: int) -> None:
    """As a spool leaves them that was closed, but faster."""
    with closing(Spool(folder, "benchmark")):
        place = pending_folder(folder)
    for number in range(count):
        sealed.write(f"{place}/{number + 1:016x}", _key(), _DATA, sync=False)


def open_layers(folder: str, ended: str) -> dict[str, float]:
    """Seconds and MB to open both layers, in this process, which must be new. `ended`: how the one before did."""
    index = f"{folder}/cache/index.db"
    if ended == LOST:
        os.unlink(index)
    elif ended == KILLED:
        with closing(CacheIndex(index)) as found:
            found.set_complete(False)
    if ended != CLOSED:
        # The last file that is found when the cache looks around.
        late = _key()
        sealed.write(f"{folder}/cache/heads/{late}", late, _DATA, sync=False)
    before = _memory()
    started = time.perf_counter()
    cache = CacheLayer(_out_of_reach(), CacheOptions(Path=f"{folder}/cache", MaximumSize=1 << 30))
    cache_open = time.perf_counter()
    spool = WriteBehindLayer(cache, WriteBehindOptions(Path=f"{folder}/spool", MaximumSize=1 << 30, DrainTimeout=0))
    both_open = time.perf_counter()
    told = {"cache": cache_open - started, "spool": both_open - cache_open, "memory": _memory() - before}
    if ended != CLOSED:
        expected = sum(len(os.listdir(f"{folder}/cache/{kind}")) for kind in ("objects", "heads"))
        while cache.report()["entries"] < expected:
            time.sleep(0.1)
        told["look around"] = time.perf_counter() - cache_open
    told |= {"memory at the end": _memory() - before, "entries": cache.report()["entries"]}
    told["pending"] = spool.report()["pending_objects"]
    spool.close()
    return {name: round(value, 2) for name, value in told.items()}


def _memory() -> float:
    """MB that this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(folder: str, levels: Iterable[int], count: int) -> dict[str, Any]:
    """All of it."""
    by_level = {str(level): found for level, found in calls(f"{folder}/cache", levels)}
    pending(f"{folder}/spool", count)
    opened = {}
    for ended in (CLOSED, KILLED, LOST):
        # A process of its own for each: what an earlier one has freed would hide what the next one needs.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            opened[ended] = pool.submit(open_layers, folder, ended).result()
    return {"calls": by_level, "opened": opened}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="script/bench scale", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds that show that it works; nothing is kept")
    given = parser.parse_args()
    levels, count = (_LEVELS[:2], 1000) if given.quick else (_LEVELS, 100_000)
    # Removing a million files takes minutes: the result does not wait for that.
    with tempfile.TemporaryDirectory(prefix="orthanc-bench-") as folder:
        result = {
            "machine": figures.machine(Path(tempfile.gettempdir())) | {"orthanc": orthanc_version()},
            "settings": {"entries": levels[-1], "pending": count, "bytes": _SIZE},
            "goals": GOALS,
            **measure(folder, levels, count),
        }
        report.show("scale", result)
        if not given.quick:
            report.keep("scale", result)


if __name__ == "__main__":
    main()
