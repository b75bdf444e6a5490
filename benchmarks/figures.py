"""From the costs of single rounds to the figures that are reported and kept."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.load import Cost

Round = dict[str, dict[str, list[Cost]]]
"""What one instance cost each side, turn by turn: by phase, then by name of the side."""


def compare(measured: Sequence[Round], ours: str, other: str) -> dict[str, Any]:
    """The figures of each phase: each side, the ratio of the medians of all turns, and the same within each round."""
    figures: dict[str, Any] = {}
    for phase in measured[0]:
        sides = {side: _side([one[phase][side] for one in measured]) for side in (other, ours)}
        ratios = [_median(one[phase][other]) / _median(one[phase][ours]) for one in measured]
        figures[phase] = {
            "sides": sides,
            "ratio": round(sides[ours]["per_second"]["median"] / sides[other]["per_second"]["median"], 3),
            "ratio_by_round": spread(ratios, 3),
            "cpu_ratio": round(sides[ours]["orthanc_cpu_ms"] / max(sides[other]["orthanc_cpu_ms"], 0.001), 3),
        }
    return figures


def _median(turns: Sequence[Cost]) -> float:
    return statistics.median(cost.seconds for cost in turns)


def _side(by_round: Sequence[Sequence[Cost]]) -> dict[str, Any]:
    costs = [cost for turns in by_round for cost in turns]
    rates = [1 / _median(turns) for turns in by_round]

    def per_instance(seconds: Sequence[float]) -> float:
        return round(1000 * statistics.fmean(seconds), 3)  # a turn is too short for the kernel's clock ticks

    return {
        "per_second": {
            "median": round(1 / _median(costs), 1),
            "min": round(min(rates), 1),
            "max": round(max(rates), 1),
        },
        "orthanc_cpu_ms": per_instance([cost.server for cost in costs]),
        "medium_cpu_ms": per_instance([cost.medium for cost in costs]),
        "client_cpu_ms": per_instance([cost.client for cost in costs]),
        "others_cpu_share": round(
            statistics.median(cost.others / cost.seconds / (os.cpu_count() or 1) for cost in costs), 3
        ),
    }


def spread(values: Sequence[float], digits: int) -> dict[str, float]:
    """Median, smallest and largest."""
    return {
        "median": round(statistics.median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
    }


def machine(folder: Path) -> dict[str, Any]:
    """What the figures were measured on. `folder` tells the filesystem."""
    processors = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in processors if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "filesystem": _filesystem(folder),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "plugin": version("orthanc-storage-plugins"),
    }


def _filesystem(folder: Path) -> str:
    """The type of the filesystem that `folder` is on: of all mounts above it, the deepest one."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    above = [(len(point), kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(above)[1]
