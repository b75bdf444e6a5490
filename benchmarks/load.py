"""HTTP clients that put load on Orthanc, and what a phase of load cost."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple, TypeVar

from benchmarks.http import Connection, Request

T = TypeVar("T")

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one phase took. `seconds` is wall time, the others are CPU time."""

    seconds: float
    server: float
    medium: float
    """Of the server behind the storage area, 0 where there is none."""

    client: float
    others: float
    """Anything else on this machine, the kernel's own threads included."""

    def __truediv__(self, number: int) -> Cost:
        """What one of `number` equal parts took."""
        return Cost(*(getattr(self, field.name) / number for field in fields(self)))


class Pids(NamedTuple):
    """The processes that are looked at."""

    server: int
    medium: int | None = None


def run(
    port: int, pids: Pids, requests: Sequence[Request], clients: int, take: Callable[[memoryview], T]
) -> tuple[list[T], Cost]:
    """Sends all requests over connections that are open before the clock starts.

    Gives `take(answer)` of each, in no particular order.
    """
    todo = iter(requests)  # shared: each thread takes the next one, and the interpreter lock keeps that safe
    taken: list[T] = []
    failures: list[BaseException] = []
    count = min(clients, len(requests))
    ready = threading.Barrier(count + 1)

    def work() -> None:
        connection = Connection(port)
        try:
            ready.wait()
            taken.extend([take(connection.send(request)) for request in todo])
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)
            ready.abort()
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    before = _Clocks.read(pids)
    ready.wait()
    for thread in threads:
        thread.join()
    cost = _Clocks.read(pids).since(before)
    if failures:
        raise failures[0]
    return taken, cost


def wait_for_quiet(seconds: float) -> None:
    """Waits until nobody else uses this machine, but not for longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        before = _Clocks.read(Pids(os.getpid()))
        time.sleep(0.2)
        after = _Clocks.read(Pids(os.getpid()))
        if after.machine - before.machine < 0.1 * (after.wall - before.wall) * (os.cpu_count() or 1):
            return


class _Clocks(NamedTuple):
    wall: float
    server: float
    medium: float
    client: float
    machine: float

    @classmethod
    def read(cls, pids: Pids) -> _Clocks:
        machine = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        user, nice, system, _idle, _wait, irq, softirq, steal = map(int, machine)
        return cls(
            time.perf_counter(),
            cpu_seconds(pids.server),
            0.0 if pids.medium is None else cpu_seconds(pids.medium),
            time.process_time(),
            (user + nice + system + irq + softirq + steal) / _TICKS,
        )

    def since(self, before: _Clocks) -> Cost:
        server, medium, client = self.server - before.server, self.medium - before.medium, self.client - before.client
        others = max(0.0, self.machine - before.machine - server - medium - client)
        return Cost(self.wall - before.wall, server, medium, client, others)


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used so far."""
    process = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(process[11]) + int(process[12])) / _TICKS
