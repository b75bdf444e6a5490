"""Object storage: our two engines, and a storage area in Python with boto3, on the same Orthanc and the same server.

The server is SeaweedFS on this machine. Without --quick the result is kept: benchmarks/results and docs/performance.md.
"""

from __future__ import annotations

import argparse
import sysconfig
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import track

from benchmarks import figures, report
from benchmarks.local import orthanc_version
from benchmarks.media import Bucket, Memory, SeaweedProcess
from benchmarks.rounds import Side, Work, rounds
from storage_plugins.testing.orthanc import Orthanc
from tests.servers.s3 import ACCESS_KEY, REGION, SECRET_KEY

OURS: Final = "obstore"
GOALS: Final = {
    "sdk": {"store": ">= 1.3", "read": ">= 1.8", "tags": ">= 1.8"},
    "orthanc-python": {"store": ">= 1.8", "read": ">= 1.8", "tags": ">= 2"},
}
"""Ratios that are wanted against each of the others."""

# What Orthanc itself needs: no storage area costs less.
_FLOOR = Side("memory", {"StoragePlugins": {"Backend": "memory"}}, medium=Memory)

_PYTHON_PLUGIN = "/usr/share/orthanc/plugins/libOrthancPython.so"
_AREA = Path(__file__).parent / "orthanc_python" / "boto3_area.py"  # its folder is on the path of its Python
_THREADS = 50  # of Orthanc's web server: as many connections for everybody


def sides(server: SeaweedProcess, endpoint: str = "") -> list[Side]:
    """Of object storage, each with a bucket of its own. `endpoint`: of a relay in front of the server."""
    return [_engine(server, endpoint, "obstore"), _engine(server, endpoint, "sdk"), _orthanc_python(server, endpoint)]


def _engine(server: SeaweedProcess, endpoint: str, engine: str) -> Side:
    # As over TLS, which there is not here: the body is not part of the signature.
    options = server.options(engine, endpoint) | {"Engine": engine, "MaxConnections": _THREADS, "SignBody": False}
    return Side(engine, {"StoragePlugins": {"Backend": "s3", "Options": options}}, medium=_medium(server, engine))


def _orthanc_python(server: SeaweedProcess, endpoint: str) -> Side:
    name = "orthanc-python"
    area = {
        "Packages": sysconfig.get_path("purelib"),
        "Bucket": name,
        "Connections": _THREADS,
        "Client": {
            "endpoint_url": endpoint or server.endpoint,
            "region_name": REGION,
            "aws_access_key_id": ACCESS_KEY,
            "aws_secret_access_key": SECRET_KEY,
        },
    }
    configuration = {"PythonScript": str(_AREA), "Boto3Area": area}
    return Side(name, configuration, [_PYTHON_PLUGIN], medium=_medium(server, name))


def _medium(server: SeaweedProcess, bucket: str) -> partial[Bucket]:
    return partial(_bucket, server, server.bucket(bucket))


def _bucket(server: SeaweedProcess, bucket: Any, _: Orthanc) -> Bucket:
    return Bucket(server, bucket)


def measure(work: Work, count: int) -> dict[str, Any]:
    """The figures of ours against each of the others."""
    with tempfile.TemporaryDirectory() as folder, SeaweedProcess(Path(folder)) as server:
        console = Console(stderr=True)
        all_rounds = rounds([*sides(server), _FLOOR], work, count)
        measured = list(track(all_rounds, "Object storage", total=count, console=console, transient=True))
    return {other: figures.compare(measured, OURS, other) for other in (*GOALS, _FLOOR.name)}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="script/bench clouds", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--instances", type=int, default=150)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--quick", action="store_true", help="a few seconds that show that it works; nothing is kept")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.instances = 1, 50
    work = Work.of_slices(given.instances, given.clients, patience=0 if given.quick else 1)
    result = {
        "machine": figures.machine(Path(tempfile.gettempdir())) | {"orthanc": orthanc_version()},
        "settings": {"rounds": given.rounds, "instances": given.instances, "clients": given.clients},
        "goals": GOALS,
        "against": measure(work, given.rounds),
    }
    report.show("clouds", result)
    if not given.quick:
        report.keep("clouds", result)


if __name__ == "__main__":
    main()
