"""The picture of docs/performance.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

_COLOURS = ("#9aa5b1", "#2a7f9e")


def draw(result: dict[str, Any], target: Path) -> None:
    """Bars of medians with the smallest and the largest round, one panel for each setting of SyncStorageArea."""
    mpl.rcParams["svg.hashsalt"] = "the same result makes the same file"
    mpl.rcParams["svg.fonttype"] = "none"  # text and not outlines: a small file that can be searched
    settings = list(result["sync"])
    figure, panels = plt.subplots(1, len(settings), figsize=(11, 4), sharex=True, sharey=True)
    for panel, sync in zip(panels, settings, strict=True):
        phases = result["sync"][sync]
        names = list(next(iter(phases.values()))["sides"])
        for offset, (name, colour) in enumerate(zip(names, _COLOURS, strict=True)):
            speeds = [figures["sides"][name]["per_second"] for figures in phases.values()]
            medians = [speed["median"] for speed in speeds]
            below = [speed["median"] - speed["min"] for speed in speeds]
            above = [speed["max"] - speed["median"] for speed in speeds]
            places = [position + 0.38 * (0.5 - offset) for position in range(len(phases))]
            panel.barh(places, medians, 0.36, xerr=(below, above), color=colour, label=name, error_kw={"lw": 1})
        labels = [f"{phase}\nx {figures['ratio']:.2f}" for phase, figures in phases.items()]
        panel.set_yticks(range(len(phases)), labels)
        panel.set_title(f"SyncStorageArea {sync}", fontsize=10)
        panel.set_xlabel("instances per second")
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].invert_yaxis()
    panels[0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)
