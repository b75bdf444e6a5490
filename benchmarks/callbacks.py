"""The four callbacks of Orthanc on object storage, against what bare obstore reaches on the same server.

A host in C (that of the tests, see tests/native) calls the plugin, and a Python process calls obstore; they take turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks import report
from benchmarks.media import SeaweedProcess
from native_shim import build_shim
from tests.native import host
from tests.servers.wan import Wan

VERBS: Final = ("create", "read", "range", "remove")
RTT: Final = 20
"""Milliseconds."""

GOAL: Final = 0.9
"""Of what bare obstore reaches."""

_THREADS = 8
_SIZE = 512 << 10
_WARM_UP = 5  # calls of each thread: they open connections

Answer = dict[str, Any]
"""By verb: calls_per_second, median_ms, cpu_ms."""


class Driver:
    """A child process that makes calls when it is told to, and says what it reached."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def run(self, threads: int, calls: int, size: int) -> Answer:
        """One turn: `calls` of each verb by each of `threads`. Raises RuntimeError when a call fails."""
        print(f"bench {threads} {calls} {size}", file=self._process.stdin, flush=True)
        answers: Iterator[Answer] = (json.loads(line) for line in self._process.stdout or ())
        answer = next(one for one in answers if "create" in one)  # the host also tells of its start
        if answer.pop("failures", 0):
            msg = "calls failed"
            raise RuntimeError(msg)
        return answer

    def close(self) -> None:
        """Ends it."""
        self._process.communicate(timeout=60)


def build(program: Path) -> Path:
    """The host of the tests, with callbacks.c in the place of its load.c."""
    sources = [str(path) for path in (host.HERE / "fake_orthanc").glob("*.c") if path.name != "load.c"]
    ours = str(Path(__file__).with_suffix(".c"))
    include = f"-I{host.HERE / 'fake_orthanc'}"
    subprocess.run(
        ["cc", "-std=gnu11", "-O2", "-DHOST_PLAIN_MEMORY", "-Wall", "-Wextra", "-Werror", include, "-pthread", *sources,
         ours, "-ldl", "-o", str(program)],
        check=True,
    )  # fmt: skip
    return program


@contextmanager
def drivers(program: Path, folder: Path, options: dict[str, Any]) -> Iterator[dict[str, Driver]]:
    """Both, on the bucket that `Options` of the backend `s3` name."""
    configuration = folder / "orthanc.json"
    configuration.write_text(json.dumps({"StoragePlugins": {"Backend": "s3", "Options": options}}))
    with ExitStack() as stack:
        commands = {
            "bare": [sys.executable, "-m", "benchmarks.bare_obstore", json.dumps(options)],
            "ours": [str(program), "--configuration", str(configuration), str(build_shim.default_output())],
        }
        yield {side: stack.enter_context(closing(Driver(command))) for side, command in commands.items()}


def measure(both: dict[str, Driver], turns: int, calls: int) -> dict[str, Any]:
    """The figures of each verb. Who is first changes with every turn."""
    answers: dict[str, list[Answer]] = {side: [] for side in both}
    for driver in both.values():
        driver.run(_THREADS, _WARM_UP, _SIZE)
    order = list(both.items())
    for _ in range(turns):
        for side, driver in order:
            answers[side].append(driver.run(_THREADS, calls, _SIZE))
        order.reverse()
    return {
        verb: _figures({side: [turn[verb] for turn in turns_] for side, turns_ in answers.items()}) for verb in VERBS
    }


def _figures(turns: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    found: dict[str, Any] = {
        side: {
            "per_second": round(statistics.median(turn["calls_per_second"] for turn in its), 1),
            "median_ms": round(statistics.median(turn["median_ms"] for turn in its), 2),
            "cpu_ms": round(statistics.fmean(turn["cpu_ms"] for turn in its), 3),
        }
        for side, its in turns.items()
    }
    return found | {"ratio": round(found["ours"]["per_second"] / found["bare"]["per_second"], 3)}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="script/bench callbacks", description=__doc__)
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--calls", type=int, default=25, help="of each verb, each thread, each turn")
    parser.add_argument("--quick", action="store_true", help="a few seconds that show that it works; nothing is kept")
    given = parser.parse_args()
    if given.quick:
        given.turns, given.calls = 1, 10
    result: dict[str, Any] = {"goal": GOAL, "rtt": {}}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        program = build(folder / "host")
        server = stack.enter_context(SeaweedProcess(folder / "weed"))
        wan = stack.enter_context(Wan(folder / "wan", server.port, rtt=RTT))
        server.bucket("callbacks")
        for rtt, endpoint in ((0, server.endpoint), (RTT, wan.endpoint)):
            with drivers(program, folder, server.options("callbacks", endpoint)) as both:
                result["rtt"][str(rtt)] = measure(both, given.turns, given.calls)
    report.show("callbacks", result)
    if not given.quick:
        report.keep("callbacks", result)


if __name__ == "__main__":
    main()
