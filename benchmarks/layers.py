"""Cache, write-behind and delayed deletion before an object storage 50 ms away, against a local disk.

Everything runs on the same cores, the server of the object storage and the network included. Without --quick the
result is kept: benchmarks/results and docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks import dicom, figures, report
from benchmarks.http import Connection, Request
from benchmarks.load import Pids, cpu_seconds, run, wait_for_quiet
from benchmarks.local import orthanc_version
from benchmarks.media import SeaweedProcess
from benchmarks.rounds import BenchmarkError
from storage_plugins.testing.orthanc import Orthanc
from tests.servers.s3 import S3Medium
from tests.servers.wan import Wan

RTT: Final = 50
NEARER: Final = 20
"""Milliseconds of a round trip; the second one for deletes only."""

LOCAL, LAYERS, DIRECT = "local", "layers", "direct"

PACED: Final = "store, 50 a second"
BURST: Final = "store, burst"
ALONE: Final = "store, burst, storage out of reach"
FILES: Final = "second read"
TAGS: Final = "second read of tags"
GOALS: Final = {
    "median": "<= 1.25", "95th percentile": "<= 1.25", BURST: ">= 0.7", FILES: ">= 0.9", TAGS: ">= 0.9",
    f"delete, {RTT} ms away": ">= 10",
}  # fmt: skip
"""Ratios of `layers` to the other side."""

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a filesystem in memory

_TURN = 50  # instances that are read, before the next side has its turn


@dataclass(frozen=True, slots=True)
class Work:
    """How much is done."""

    rounds: int
    seconds: float
    """Of each turn at a fixed pace."""

    burst: int
    study: int
    """Instances that are deleted, and that are read."""

    rate: float = 50.0
    clients: int = 8
    patience: float = 1.0
    """How many seconds a turn may wait for a quiet machine."""


@dataclass(slots=True)
class Seen:
    """What was measured of one side in one phase."""

    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    pending: list[float] = field(default_factory=list)
    """Objects that were not uploaded when the last client was answered."""

    drained: list[float] = field(default_factory=list)
    """Seconds until they were."""

    instances: int = 0
    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def figures(self) -> dict[str, Any]:
        """What is kept. The CPU time is that of one instance, in milliseconds."""
        told: dict[str, Any] = {
            "cpu_ms": {name: round(1000 * value / self.instances, 3) for name, value in self.cpu.items()},
            "busy": round(sum(self.cpu.values()) / self.seconds / (os.cpu_count() or 1), 3),
        }
        if self.rates:
            told["per_second"] = figures.spread(self.rates, 1)
        if self.latencies:
            cuts = statistics.quantiles(self.latencies, n=20)
            told |= {"median": round(1000 * cuts[9], 2), "95th percentile": round(1000 * cuts[18], 2)}
        for name in ("pending", "drained"):
            if values := getattr(self, name):
                told[name] = figures.spread(values, 1)
        return told


class WanProcess(Wan):
    """A relay whose process can be looked at."""

    @property
    def pid(self) -> int:
        """Of the running relay."""
        if self._process is None:
            msg = "the relay is not running"
            raise RuntimeError(msg)
        return self._process.pid


class Bench:
    """All servers, and what was measured so far."""

    def __init__(self, stack: ExitStack, folder: Path, work: Work) -> None:
        self.work = work
        self.seen: dict[str, dict[str, Seen]] = defaultdict(lambda: defaultdict(Seen))
        # The disk of a server that is far away is not ours: what it writes must not wait for what we write.
        elsewhere = stack.enter_context(tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else folder))
        self._server = stack.enter_context(SeaweedProcess(Path(elsewhere)))
        self.wan = stack.enter_context(WanProcess(folder / "wan", self._server.port, rtt=RTT))
        self.bucket = self._server.bucket(LAYERS)
        self._server.bucket(DIRECT)
        disks = {
            "Cache": {"Path": str(folder / "cache"), "MaximumSize": 20_000},
            "WriteBehind": {"Path": str(folder / "spool"), "MaximumSize": 20_000},
            "DelayedDeletion": {"Path": str(folder / "deletions")},
        }
        sections: dict[str, dict[str, Any]] = {
            LOCAL: {"Backend": "local"},
            LAYERS: self._remote(LAYERS) | disks,
            DIRECT: self._remote(DIRECT),
        }
        self.orthancs = {
            name: stack.enter_context(Orthanc(folder / name, {"StoragePlugins": section}))
            for name, section in sections.items()
        }

    def _remote(self, bucket: str) -> dict[str, Any]:
        # As over TLS, which there is not here: the body is not part of the signature.
        options = self._server.options(bucket, self.wan.endpoint) | {"SignBody": False}
        return {"Backend": "s3", "Options": options}

    def store(self, side: str, files: Sequence[bytes]) -> list[str]:
        """Stores instances that are not measured, and gives their identifiers."""
        orthanc = self.orthancs[side]
        requests = [Request("POST", "/instances", file) for file in files]
        names, _ = run(orthanc.port, Pids(orthanc.pid), requests, self.work.clients, _identifier)
        self.settle(side)
        return names

    def status(self) -> dict[str, dict[str, float]]:
        """What the layers tell of themselves."""
        told: dict[str, dict[str, float]] = self.orthancs[LAYERS].get("/storage-plugins/status").json()
        return told

    def pending(self) -> float:
        """What is on its way to the object storage."""
        told = self.status()
        return told["WriteBehind"]["PendingObjects"] + told["DelayedDeletion"]["PendingObjects"]

    def settle(self, side: str, patience: float = 300) -> float:
        """Waits until nothing is, and tells for how many seconds."""
        started = time.monotonic()
        while side == LAYERS and self.pending():
            if time.monotonic() > started + patience:
                msg = f"{self.pending():.0f} objects have not reached the object storage"
                raise BenchmarkError(msg)
            time.sleep(0.05)
        return time.monotonic() - started

    def quiet(self) -> None:
        """What an earlier turn has left to be written must not slow the next one down."""
        os.sync()
        wait_for_quiet(self.work.patience)

    @contextmanager
    def measured(self, phase: str, side: str, instances: int) -> Iterator[Seen]:
        """Adds time and CPU time of what is done inside."""
        seen = self.seen[phase][side]
        pids = {"Orthanc": self.orthancs[side].pid, "server": self._server.pid, "relay": self.wan.pid}
        before = {name: cpu_seconds(pid) for name, pid in pids.items()} | {"clients": time.process_time()}
        started = time.perf_counter()
        yield seen
        seen.seconds += time.perf_counter() - started
        seen.instances += instances
        after = {name: cpu_seconds(pid) for name, pid in pids.items()} | {"clients": time.process_time()}
        for name, value in after.items():
            seen.cpu[name] += value - before[name]


def paced(bench: Bench, order: Sequence[str]) -> None:
    """Modalities that send without a break: each instance has a time at which it is sent, come what may."""
    work = bench.work
    files = dicom.slices(int(work.rate * work.seconds))
    for side in order:
        bench.quiet()
        with bench.measured(PACED, side, len(files)) as seen:
            seen.latencies += _send_at(bench.orthancs[side].port, files, work.rate)
        _drain(bench, side, seen)


def _send_at(port: int, files: Sequence[bytes], rate: float, connections: int = 16) -> list[float]:
    """Seconds from when each was due until it was answered."""
    todo = iter(range(len(files)))
    latencies: list[float] = []
    failures: list[BaseException] = []
    opened = [Connection(port) for _ in range(connections)]
    start = time.perf_counter() + 0.05

    def work(connection: Connection) -> None:
        try:
            for number in todo:
                due = start + number / rate
                time.sleep(max(0.0, due - time.perf_counter()))
                connection.send(Request("POST", "/instances", files[number]))
                latencies.append(time.perf_counter() - due)
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(connection,), daemon=True) for connection in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for connection in opened:
        connection.close()
    if failures:
        raise failures[0]
    return latencies


def burst(bench: Bench, order: Sequence[str]) -> None:
    """As fast as the clients can."""
    files = dicom.slices(bench.work.burst)
    for side in order:
        _drain(bench, side, _burst(bench, BURST, side, files))


def burst_alone(bench: Bench, order: Sequence[str]) -> None:
    """The same while nothing can be uploaded: what the layers themselves cost."""
    files = dicom.slices(bench.work.burst)
    for side in order:
        bench.wan.change(refuse=True, stall=True)
        seen = _burst(bench, ALONE, side, files)
        bench.wan.change(refuse=False, stall=False)
        _drain(bench, side, seen)


def _burst(bench: Bench, phase: str, side: str, files: Sequence[bytes]) -> Seen:
    bench.quiet()
    orthanc = bench.orthancs[side]
    requests = [Request("POST", "/instances", file) for file in files]
    with bench.measured(phase, side, len(files)) as seen:
        _, cost = run(orthanc.port, Pids(orthanc.pid), requests, bench.work.clients, len)
    seen.rates.append(len(files) / cost.seconds)
    return seen


def _drain(bench: Bench, side: str, seen: Seen) -> None:
    if side == LAYERS:
        seen.pending.append(bench.pending())
        seen.drained.append(bench.settle(side))


def delete(bench: Bench, order: Sequence[str], rtt: int) -> None:
    """One study: Orthanc removes one file after another."""
    bench.wan.change(rtt=rtt)
    files = dicom.slices(bench.work.study)
    for side in order:
        (study,) = _new_studies(bench, side, files)
        bench.quiet()
        with bench.measured(f"delete, {rtt} ms away", side, len(files)) as seen:
            orthanc = bench.orthancs[side]
            _, cost = run(orthanc.port, Pids(orthanc.pid), [Request("DELETE", f"/studies/{study}")], 1, len)
        seen.rates.append(len(files) / cost.seconds)
        _drain(bench, side, seen)
    bench.wan.change(rtt=RTT)


def _new_studies(bench: Bench, side: str, files: Sequence[bytes]) -> set[str]:
    orthanc = bench.orthancs[side]
    before = set(orthanc.get("/studies").json())
    bench.store(side, files)
    return set(orthanc.get("/studies").json()) - before


def read(bench: Bench, order: Sequence[str], turns: int) -> None:
    """What was stored and read before, by all clients."""
    files = dicom.slices(bench.work.study)
    names = {side: bench.store(side, files) for side in order}
    for side in order:
        for end in ("file", "tags"):
            _read(bench, side, [Request("GET", f"/instances/{name}/{end}") for name in names[side]])
    for phase, end, passes in ((FILES, "file", 20), (TAGS, "tags", 8)):
        for turn in range(turns):
            start = turn * _TURN % bench.work.study
            for side in order if turn % 2 else reversed(order):
                part = names[side][start : start + _TURN]
                requests = [Request("GET", f"/instances/{name}/{end}") for name in part] * passes
                bench.quiet()
                with bench.measured(phase, side, len(requests)) as seen, _hits_only(bench, side, len(requests)):
                    seen.rates.append(len(requests) / _read(bench, side, requests))


def _read(bench: Bench, side: str, requests: Sequence[Request]) -> float:
    orthanc = bench.orthancs[side]
    _, cost = run(orthanc.port, Pids(orthanc.pid), requests, bench.work.clients, len)
    return cost.seconds


@contextmanager
def _hits_only(bench: Bench, side: str, requests: int) -> Iterator[None]:
    """Raises unless all of it came from the cache, and nothing over the network."""
    before, sent = bench.status()["Cache"], bench.wan.state()["bytes_down"]
    yield
    after = bench.status()["Cache"]
    hits, misses = (after[name] - before[name] for name in ("HitsTotal", "MissesTotal"))
    if side == LAYERS and (hits < requests or misses or bench.wan.state()["bytes_down"] != sent):
        msg = f"{requests} reads were {hits} hits and {misses} misses"
        raise BenchmarkError(msg)


def measure(work: Work) -> dict[str, Any]:
    """All phases. The sides take turns, and another one is first each time."""
    with tempfile.TemporaryDirectory(prefix="orthanc-bench-") as folder, ExitStack() as stack:
        bench = Bench(stack, Path(folder), work)
        for side in bench.orthancs:
            bench.store(side, dicom.slices(16))  # opens connections
        both: list[str] = [LOCAL, LAYERS]
        others: list[str] = [DIRECT, LAYERS]
        for _ in range(work.rounds):
            paced(bench, both)
            burst(bench, both)
            burst_alone(bench, both)
            for rtt in (RTT, NEARER):
                delete(bench, others, rtt)
            both.reverse()
            others.reverse()
        read(bench, both, turns=4 * work.rounds)
        _check(bench.orthancs[LAYERS], bench.bucket)
        return {phase: {side: seen.figures() for side, seen in sides.items()} for phase, sides in bench.seen.items()}


def _check(orthanc: Orthanc, bucket: S3Medium) -> None:
    """Everything has arrived, and nothing is left of what was deleted."""
    stored, there = orthanc.get("/statistics").json()["CountInstances"], len(bucket.keys())
    if stored != there:
        msg = f"Orthanc has {stored} instances, and the object storage {there}"
        raise BenchmarkError(msg)


def _identifier(body: memoryview) -> str:
    return str(json.loads(bytes(body))["ID"])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="script/bench layers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="of each turn at a fixed pace")
    parser.add_argument("--burst", type=int, default=1000, help="instances")
    parser.add_argument("--study", type=int, default=150, help="instances")
    parser.add_argument("--quick", action="store_true", help="half a minute that shows that it works; nothing is kept")
    given = parser.parse_args()
    work = Work(given.rounds, given.seconds, given.burst, given.study)
    if given.quick:
        work = Work(1, 2, 100, 50, patience=0)
    result = {
        "machine": figures.machine(Path(tempfile.gettempdir())) | {"orthanc": orthanc_version()},
        "settings": {"rounds": work.rounds, "seconds": work.seconds, "burst": work.burst, "study": work.study},
        "goals": GOALS,
        "phases": measure(work),
    }
    report.show("layers", result)
    if not given.quick:
        report.keep("layers", result)


if __name__ == "__main__":
    main()
