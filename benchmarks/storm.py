"""Sixteen clients over a network with resets, lost answers and stalls: what they notice of it."""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from benchmarks import mix, report
from benchmarks.media import SeaweedProcess
from storage_plugins.testing.orthanc import Orthanc
from tests.servers.wan import Wan

CLIENTS: Final = 16
WEATHER: Final = {"stall": 3.0, "fair": 6.0, "reset": 0.05, "half": 0.05, "lost": 0.01}
"""See mix.Weather."""


def measure(count: int) -> dict[str, Any]:
    """What happened, and what went wrong."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(SeaweedProcess(folder / "weed"))
        wan = stack.enter_context(Wan(folder / "wan", server.port))
        bucket = server.bucket("storm")
        section = {"Backend": "s3", "Options": server.options("storm", wan.endpoint)}
        orthanc = stack.enter_context(Orthanc(folder / "orthanc", {"StoragePlugins": section}))
        started = time.monotonic()
        with mix.Weather(wan, **WEATHER) as weather:
            outcome = mix.run(orthanc, count, CLIENTS)
        seconds = time.monotonic() - started
        mix.check(orthanc, outcome)
        there = set(orthanc.get("/instances").json())
        return {
            "instances": outcome.stored,
            "seconds": round(seconds),
            "longest": round(outcome.longest, 1),
            "stalls": weather.stalls,
            **{name: value for name, value in wan.state().items() if name.startswith("answers_")},
            "errors": len(outcome.errors),
            "damaged": len(outcome.damaged),
            "lost": len(set(outcome.kept) - there),
            "orphans": len(bucket.keys()) - len(there),
        }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="script/bench storm", description=__doc__)
    parser.add_argument("--instances", type=int, default=2000)
    parser.add_argument("--quick", action="store_true", help="half a minute that shows that it works; nothing is kept")
    given = parser.parse_args()
    result = measure(30 if given.quick else given.instances)
    report.show("storm", result)
    if not given.quick:
        report.keep("storm", result)


if __name__ == "__main__":
    main()
