"""One client and an object storage 20 ms away: how long each request to Orthanc takes."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks import dicom, report
from benchmarks.clouds import sides
from benchmarks.http import Connection, Request
from benchmarks.media import SeaweedProcess
from storage_plugins.testing.orthanc import Orthanc
from tests.servers.wan import Wan

RTT: Final = 20
"""Milliseconds of a round trip."""

GOALS: Final = {"store": RTT + 30, "read": RTT + 15, "tags": RTT + 15}
"""Milliseconds, Orthanc's own work included."""

_TURN = 5  # instances, before the next side has its turn


class Client:
    """One connection to one Orthanc, and what its requests took."""

    def __init__(self, orthanc: Orthanc) -> None:
        self._connection = Connection(orthanc.port)
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def turn(self, files: list[bytes]) -> None:
        """Stores instances, reads them, and removes them."""
        names = [json.loads(bytes(self._send("store", Request("POST", "/instances", file))))["ID"] for file in files]
        for phase, method, end in (("read", "GET", "/file"), ("tags", "GET", "/tags"), ("delete", "DELETE", "")):
            for name in names:
                self._send(phase, Request(method, f"/instances/{name}{end}"))

    def _send(self, phase: str, request: Request) -> memoryview:
        started = time.perf_counter()
        answer = self._connection.send(request)
        self.seconds[phase].append(time.perf_counter() - started)
        return answer


def measure(turns: int, rtt: float) -> dict[str, dict[str, float]]:
    """Median milliseconds by side and phase."""
    files = dicom.instances(_TURN)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(SeaweedProcess(folder / "weed"))
        wan = stack.enter_context(Wan(folder / "wan", server.port, rtt=rtt))
        clients = {}
        for side in sides(server, wan.endpoint):
            orthanc = Orthanc(folder / side.name, side.configuration, plugins=side.plugins)
            clients[side.name] = Client(stack.enter_context(orthanc))
        for client in clients.values():
            client.turn(files)  # opens connections
            client.seconds.clear()
        for _ in range(turns):
            for client in clients.values():
                client.turn(files)
    return {
        name: {phase: round(1000 * statistics.median(found), 1) for phase, found in client.seconds.items()}
        for name, client in clients.items()
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="script/bench latency", description=__doc__)
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--quick", action="store_true", help="a few seconds that show that it works; nothing is kept")
    given = parser.parse_args()
    if given.quick:
        given.turns = 1
    result = {"rtt": RTT, "goals": GOALS, "ms": {str(rtt): measure(given.turns, rtt) for rtt in (0, RTT)}}
    report.show("latency", result)
    if not given.quick:
        report.keep("latency", result)


if __name__ == "__main__":
    main()
