"""The pictures of docs/performance.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

_COLOURS = {
    "built-in": "#9aa5b1", "plugin": "#2a7f9e",
    "orthanc-python": "#9aa5b1", "sdk": "#c8a96a", "obstore": "#2a7f9e",
}  # fmt: skip
_CLOUD_PHASES = ("store", "read", "tags")

Bars = Mapping[str, tuple[float, float, float]]
"""Median, smallest and largest, by what the bar stands for."""


def local(result: dict[str, Any], target: Path) -> None:
    """Bars of medians with the smallest and the largest round, one panel for each setting of SyncStorageArea."""
    figure, panels = _start(len(result["sync"]), share=True)
    for panel, (sync, phases) in zip(panels, result["sync"].items(), strict=True):
        names = list(next(iter(phases.values()))["sides"])
        labels = [f"{phase}\nx {figures['ratio']:.2f}" for phase, figures in phases.items()]
        sides = {name: {phase: _speed(figures["sides"][name]) for phase, figures in phases.items()} for name in names}
        _bars(panel, sides, labels, f"SyncStorageArea {sync}", "instances per second")
    _finish(figure, panels, target)


def clouds(throughput: dict[str, Any], latency: dict[str, Any], target: Path) -> None:
    """Throughput of eight clients, and latency of one at a distance."""
    against = throughput["against"]
    ours = next(iter(against.values()))
    sides: dict[str, Bars] = {
        other: {phase: _speed(phases[phase]["sides"][other]) for phase in _CLOUD_PHASES}
        for other, phases in against.items()
        if other in throughput["goals"]
    }
    sides["obstore"] = {phase: _speed(ours[phase]["sides"]["obstore"]) for phase in _CLOUD_PHASES}
    figure, panels = _start(2, share=False)
    _bars(panels[0], sides, list(_CLOUD_PHASES), "8 clients", "instances per second")
    far = latency["ms"][str(latency["rtt"])]
    times: dict[str, Bars] = {name: {phase: (far[name][phase],) * 3 for phase in _CLOUD_PHASES} for name in sides}
    _bars(panels[1], times, list(_CLOUD_PHASES), f"1 client, {latency['rtt']} ms away", "milliseconds")
    _finish(figure, panels, target)


def scale(result: dict[str, Any], target: Path) -> None:
    """Single calls by how many files there are: lines that should not rise."""
    levels = result["calls"]
    figure, panels = _start(2, share=False)
    for panel, longest in zip(panels, (False, True), strict=True):
        for name in next(iter(levels.values())):
            if longest == name.endswith("longest"):
                times = [found[name] / (1000 if longest else 1) for found in levels.values()]
                panel.plot([int(level) for level in levels], times, marker="o", label=name)
        panel.set_xscale("log")
        panel.set_ylim(bottom=0)
        panel.set_xlabel("files in the cache")
        panel.set_ylabel("milliseconds" if longest else "microseconds, median")
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(frameon=False)
    _save(figure, target)


def _speed(side: dict[str, Any]) -> tuple[float, float, float]:
    speed = side["per_second"]
    return speed["median"], speed["min"], speed["max"]


def _start(count: int, *, share: bool) -> tuple[Any, Any]:
    mpl.rcParams["svg.hashsalt"] = "the same result makes the same file"
    mpl.rcParams["svg.fonttype"] = "none"  # text and not outlines: a small file that can be searched
    made: tuple[Any, Any] = plt.subplots(1, count, figsize=(11, 4), sharex=share, sharey=share)
    return made


def _bars(panel: Any, sides: Mapping[str, Bars], labels: list[str], title: str, unit: str) -> None:
    width = 0.76 / len(sides)
    for number, (name, bars) in enumerate(sides.items()):
        medians = [median for median, _, _ in bars.values()]
        below = [median - least for median, least, _ in bars.values()]
        above = [most - median for median, _, most in bars.values()]
        shift = width * ((len(sides) - 1) / 2 - number)
        places = [position + shift for position in range(len(bars))]
        style = {"color": _COLOURS[name], "label": name, "error_kw": {"lw": 1}}
        panel.barh(places, medians, width - 0.02, xerr=(below, above), **style)
    panel.set_yticks(range(len(labels)), labels)
    panel.set_title(title, fontsize=10)
    panel.set_xlabel(unit)
    panel.spines[["top", "right"]].set_visible(False)


def _finish(figure: Any, panels: Any, target: Path) -> None:
    for panel in panels:
        low, high = sorted(panel.get_ylim())
        panel.set_ylim(high, low)  # the first phase on top
    panels[0].legend(frameon=False)
    _save(figure, target)


def _save(figure: Any, target: Path) -> None:
    figure.tight_layout()
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)
