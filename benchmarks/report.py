"""Shows figures on the terminal, and keeps them: as JSON, as tables in docs/performance.md, as a picture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import plot

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DOCUMENT = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "images" / "performance.svg"

TARGETS = {"store": 1.0, "read": 1.0, "tags": 0.95, "delete": 1.5}
"""The least ratio that we want to ship, by phase."""


def show(result: dict[str, Any], sync: str) -> None:
    """The table of one setting of SyncStorageArea."""
    _print(f"SyncStorageArea {sync}, instances per second: median (smallest-largest)", _rows(result, sync))


def show_bridge(result: dict[str, Any]) -> None:
    """The table of the bridge."""
    _print("The bridge: median (smallest-largest)", _bridge_rows(result))


def keep(name: str, result: dict[str, Any]) -> None:
    """Writes benchmarks/results/<name>.json, and what the documentation shows of all results."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    publish()


def publish() -> None:
    """Writes tables and picture again from the kept results."""
    text = DOCUMENT.read_text()
    kept = {file.stem: json.loads(file.read_text()) for file in sorted(RESULTS.glob("*.json"))}
    for marker, table in _tables(kept):
        before, start, rest = text.partition(f"<!-- {marker} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not end:
            msg = f"{DOCUMENT} has no place for {marker}"
            raise ValueError(msg)
        text = f"{before}{start}{table}\n{end}{after}"
    DOCUMENT.write_text(text)
    if "local" in kept:
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        plot.draw(kept["local"], PICTURE)


def _print(title: str, rows: list[list[str]]) -> None:
    header, *body = rows
    table = Table(title=title)
    for number, column in enumerate(header):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in body:
        table.add_row(*row)
    Console(width=max(120, Console().width)).print(table)


def _tables(kept: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    if "local" in kept:
        for sync in kept["local"]["sync"]:
            yield f"local: sync {sync}", _markdown(_rows(kept["local"], sync))
        yield "machine", _machine(kept["local"])
    if "bridge" in kept:
        yield "bridge", _markdown(_bridge_rows(kept["bridge"]))


def _rows(result: dict[str, Any], sync: str) -> list[list[str]]:
    rows = []
    names: list[str] = []
    for phase, figures in result["sync"][sync].items():
        names = list(figures["sides"])
        sides = figures["sides"].values()
        rounds = figures["ratio_by_round"]
        rows.append(
            [
                phase,
                *(_spread(side["per_second"], 0) for side in sides),
                f"{figures['ratio']:.2f}",
                f"{rounds['min']:.2f}-{rounds['max']:.2f}",
                *(f"{side['orthanc_cpu_ms']:.2f}" for side in sides),
            ]
        )
    cpu = [f"CPU ms, {name}" for name in names]
    return [["", *names, "ratio", "by round", *cpu], *rows]


def _bridge_rows(result: dict[str, Any]) -> list[list[str]]:
    header = ["4 KiB objects, backend memory", "create", "read range"]
    calls = [_spread(result[verb]["calls_per_second"], 0) for verb in ("create", "range")]
    trips = [_spread(result[verb]["median_us"], 1) for verb in ("create", "range")]
    return [header, ["8 threads: calls per second", *calls], ["1 thread: round trip, µs", *trips]]


def _machine(result: dict[str, Any]) -> str:
    on = result["machine"]
    shares = [
        side["others_cpu_share"]
        for phases in result["sync"].values()
        for figures in phases.values()
        for side in figures["sides"].values()
    ]
    return (
        f"{on['processor']}, {on['cores']} cores, {on['memory_gib']} GiB, {on['filesystem']}, Linux {on['kernel']}, "
        f"Orthanc {on['orthanc']}, Python {on['python']}. While a phase ran, everything else on the machine, the "
        f"kernel's own threads included, used up to {max(shares):.0%} of its CPU time (the largest median)."
    )


def _spread(values: dict[str, float], digits: int) -> str:
    return f"{values['median']:.{digits}f} ({values['min']:.{digits}f}-{values['max']:.{digits}f})"


def _markdown(rows: list[list[str]]) -> str:
    header, *body = rows
    rule = ["---", *("--:" for _ in header[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *body))
