"""The bridge alone: from a host in C through the queue and a Python worker to the memory store and back.

The host is the one of the tests, see tests/native.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import figures, report
from native_shim import build_shim
from tests.native.host import FakeHost, build_host

_VERBS = ("create", "range")


def measure(host: FakeHost, threads: int, calls: int, size: int) -> dict[str, Any]:
    """The host's answer to one run, in a process of its own."""
    outcome = host.run(f"bench {threads} {calls} {size}", {"Backend": "memory"}, seconds=300)
    answer = outcome.one("bench")
    if outcome.status != 0 or answer["failures"] != 0:
        msg = f"exit status {outcome.status}, {answer['failures']} calls failed"
        raise RuntimeError(msg)
    return answer


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="script/bench bridge", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=20_000, help="in each round, over all threads")
    parser.add_argument("--size", type=int, default=4096, help="bytes of each object")
    parser.add_argument("--quick", action="store_true", help="a few seconds that show that it works; nothing is kept")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.calls = 1, 2000
    with tempfile.TemporaryDirectory() as folder:
        host = FakeHost(build_host(Path(folder, "host"), ["-O2"]), build_shim.default_output(), Path(folder))
        together = [measure(host, 8, given.calls // 8, given.size) for _ in range(given.rounds)]
        alone = [measure(host, 1, given.calls // 8, given.size) for _ in range(given.rounds)]
    result = {
        verb: {
            "calls_per_second": figures.spread([answer[verb]["calls_per_second"] for answer in together], 0),
            "median_us": figures.spread([answer[verb]["median_us"] for answer in alone], 1),
        }
        for verb in _VERBS
    }
    report.show("bridge", result)
    if not given.quick:
        report.keep("bridge", result)


if __name__ == "__main__":
    main()
