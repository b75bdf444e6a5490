"""Many threads at once, as Orthanc has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.native.host import FakeHost

MEMORY: dict[str, Any] = {"Backend": "memory"}


@pytest.mark.parametrize(
    ("script", "section"),
    [
        ("threads 32 200 4096", MEMORY),
        ("threads 32 200 0", MEMORY),
        ("threads 64 50 4096", {"Backend": "memory", "Workers": 1}),
        ("threads 2 100 65536", {"Backend": "memory", "Workers": 256}),
        ("threads 4 20 3000000", MEMORY),
    ],
)
def test_bytes_of_many_threads_do_not_mix(host: FakeHost, script: str, section: dict[str, Any]) -> None:
    """Each thread reads back what it wrote, and no memory is lost."""
    outcome = host.run(script, section)

    assert (0, 0) == (outcome.one("threads")["failures"], outcome.one("threads")["last_failure"])
    assert (0, 0) == (outcome.one("end")["leaked_buffers"], outcome.status)


def test_bytes_of_many_threads_do_not_mix_on_disk(host: FakeHost, tmp_path: Path) -> None:
    """The same on the local backend, which leaves nothing behind when all was removed."""
    root = tmp_path / "root"
    outcome = host.run("threads 32 50 4096", {"Options": {"Path": str(root), "Sync": False}})

    assert 0 == outcome.one("threads")["failures"]
    assert [] == [path for path in root.rglob("*") if path.is_file()]


def test_a_benchmark_is_machine_readable(host: FakeHost) -> None:
    """The numbers that ./script/bench tabulates."""
    bench = host.run("bench 4 50 4096", MEMORY).one("bench")

    assert (4, 50, 4096, 0) == (bench["threads"], bench["calls"], bench["size"], bench["failures"])
    for phase in (bench["create"], bench["range"]):
        assert phase["calls_per_second"] > 0
        assert 0 < phase["median_us"] <= phase["p95_us"]
