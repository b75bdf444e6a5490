"""Local disk: Orthanc's built-in storage against backend `local`, on the same Orthanc with the same files.

Both run with SyncStorageArea true, then both with false. Without --quick the result is kept: benchmarks/results and
docs/performance.md.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from benchmarks import figures, report
from benchmarks.rounds import Side, Work, rounds
from storage_plugins.testing.orthanc import Orthanc

BUILT_IN = "built-in"
OURS = "plugin"


def sides(*, sync: bool) -> tuple[Side, Side]:
    """The two that are compared, with the same promise about what is on the disk when a store is confirmed."""
    common = {"SyncStorageArea": sync}
    return Side(BUILT_IN, common, [], fails_at_times=True), Side(
        OURS, {**common, "StoragePlugins": {"Backend": "local"}}
    )


def measure(work: Work, count: int, *, sync: bool) -> dict[str, Any]:
    """The figures with one setting of SyncStorageArea."""
    console = Console(stderr=True)
    label = f"SyncStorageArea {str(sync).lower()}"
    measured = list(track(rounds(sides(sync=sync), work, count), label, total=count, console=console, transient=True))
    return figures.compare(measured, OURS, BUILT_IN)


def orthanc_version() -> str:
    """Of the Orthanc that is measured."""
    with tempfile.TemporaryDirectory() as folder, Orthanc(Path(folder), plugins=[]) as orthanc:
        return str(orthanc.get("/system").json()["Version"])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="script/bench local", description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--instances", type=int, default=600)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--quick", action="store_true", help="a few seconds that show that it works; nothing is kept")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.instances = 1, 60
    work = Work.make(given.instances, given.clients, patience=0 if given.quick else 3)
    result: dict[str, Any] = {
        "machine": figures.machine(Path(tempfile.gettempdir())) | {"orthanc": orthanc_version()},
        "settings": {"rounds": given.rounds, "instances": given.instances, "clients": given.clients},
        "sync": {},
    }
    for sync in (True, False):
        result["sync"][str(sync).lower()] = measure(work, given.rounds, sync=sync)
    report.show("local", result)
    if not given.quick:
        report.keep("local", result)


if __name__ == "__main__":
    main()
