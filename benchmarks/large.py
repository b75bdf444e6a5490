"""An object of 100 MB over a network with 20 ms and 80 Mbit/s for each connection: in parts, and as one stream.

Beside them Orthanc's built-in storage, without any network: what Orthanc itself needs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from benchmarks import dicom, report
from benchmarks.http import Connection, Request
from benchmarks.media import SeaweedProcess
from storage_plugins.testing.orthanc import Orthanc
from tests.servers.wan import Wan

RTT: Final = 20
MBPS: Final = 80
GOALS: Final = {"write": 4, "read": 4, "memory": 1.25}
"""Ratios of one stream to parts; peak memory of a read over the size of the object."""

_STREAM = {"PartSize": 1024, "RequestTimeout": 120}  # one part, and time for it


def measure(turns: int, megabytes: int) -> dict[str, dict[str, float]]:
    """Median seconds and memory by side. They take turns."""
    file = dicom.large(megabytes)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(SeaweedProcess(folder / "weed"))
        wan = stack.enter_context(Wan(folder / "wan", server.port, rtt=RTT, mbps=MBPS))
        server.bucket("large")
        options = server.options("large", wan.endpoint)
        sides: dict[str, Mapping[str, Any]] = {
            "in parts": {"StoragePlugins": {"Backend": "s3", "Options": options}},
            "one stream": {"StoragePlugins": {"Backend": "s3", "Options": options | _STREAM}},
            "built-in": {},
        }
        found: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
        for number in range(turns):
            for name, configuration in sides.items():
                found[name].append(_turn(folder / f"{number} {name}", configuration, file))
    return {
        name: {key: round(statistics.median(turn[key] for turn in its), 3) for key in its[0]}
        for name, its in found.items()
    }


def _turn(folder: Path, configuration: Mapping[str, Any], file: bytes) -> dict[str, float]:
    """Writes and reads the file. A new process reads it: its memory is as idle as that of the one that wrote."""
    made = {}

    def step(verb: str, request: Request) -> bytes:
        plugins: list[str] | None = None if configuration else []
        with Orthanc(folder, configuration, plugins=plugins) as orthanc:
            connection = Connection(orthanc.port, len(file) + (1 << 20))
            idle = _memory(orthanc.pid, "VmRSS")
            Path(f"/proc/{orthanc.pid}/clear_refs").write_text("5")  # forgets the peak so far
            started = time.perf_counter()
            answer = bytes(connection.send(request))
            made[verb] = time.perf_counter() - started
            made[f"{verb}_memory"] = (_memory(orthanc.pid, "VmHWM") - idle) / len(file)
            connection.close()
        return answer

    name = json.loads(step("write", Request("POST", "/instances", file)))["ID"]
    if step("read", Request("GET", f"/instances/{name}/file")) != file:
        msg = "the object came back changed"
        raise RuntimeError(msg)
    return made


def _memory(pid: int, name: str) -> int:
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(lines[name].split()[0]) * 1024


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="script/bench large", description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--quick", action="store_true", help="a few seconds that show that it works; nothing is kept")
    given = parser.parse_args()
    if given.quick:
        given.turns, given.megabytes = 1, 10
    result = {
        "goals": GOALS,
        "megabytes": given.megabytes,
        "rtt": RTT,
        "mbps": MBPS,
        "sides": measure(given.turns, given.megabytes),
    }
    report.show("large", result)
    if not given.quick:
        report.keep("large", result)


if __name__ == "__main__":
    main()
