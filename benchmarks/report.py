"""Shows results on the terminal, and keeps them: as JSON, as tables in docs/performance.md, as pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import plot, tables

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DOCUMENT = ROOT / "docs" / "performance.md"
PICTURES = ROOT / "docs" / "images"


def show(name: str, result: dict[str, Any]) -> None:
    """The tables of a result."""
    for shown in tables.TABLES[name](result):
        header, *body = shown.rows
        table = Table(title=shown.title)
        for number, column in enumerate(header):
            table.add_column(column, justify="right" if number else "left", no_wrap=True)
        for row in body:
            table.add_row(*row)
        Console(width=max(160, Console().width)).print(table)


def keep(name: str, result: dict[str, Any]) -> None:
    """Writes benchmarks/results/<name>.json, and what the documentation shows of all results."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    publish()


def publish() -> None:
    """Writes tables and pictures again from the kept results."""
    text = DOCUMENT.read_text()
    kept = {file.stem: json.loads(file.read_text()) for file in sorted(RESULTS.glob("*.json"))}
    for place, content in _contents(kept):
        before, start, rest = text.partition(f"<!-- {place} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not end:
            msg = f"{DOCUMENT} has no place for {place}"
            raise ValueError(msg)
        text = f"{before}{start}{content}\n{end}{after}"
    DOCUMENT.write_text(text)
    PICTURES.mkdir(parents=True, exist_ok=True)
    if "local" in kept:
        plot.local(kept["local"], PICTURES / "performance.svg")
    if "clouds" in kept and "latency" in kept:
        plot.clouds(kept["clouds"], kept["latency"], PICTURES / "clouds.svg")
    if "scale" in kept:
        plot.scale(kept["scale"], PICTURES / "scale.svg")


def _contents(kept: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for name, result in kept.items():
        for table in tables.TABLES[name](result):
            yield table.place, _markdown(table.rows)
    if "local" in kept:
        yield "machine", tables.machine(kept["local"])


def _markdown(rows: tables.Rows) -> str:
    header, *body = rows
    rule = ["---", *("--:" for _ in header[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *body))
