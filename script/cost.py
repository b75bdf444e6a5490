"""What a million instances cost: requests and bytes, times prices. See docs/cost.md."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any, Final

PRICES: Final = Path(__file__).parent.parent / "docs" / "prices.json"
MEGABYTES: Final = 0.525
_MILLION: Final = 1_000_000
_PART: Final = 5 * (1 << 20) / _MILLION  # MB of a part
_TAGS: Final = 0.005  # MB before the pixel data


def table(prices: dict[str, Any], megabytes: float, reads: float = 1, tags: float = 1) -> str:
    """Markdown, a line for each cloud. `reads`, `tags`: how often each instance is read, and its tags."""
    parts = math.ceil(megabytes / _PART)
    writes = 1 if parts == 1 else parts + 2
    gigabytes = megabytes * _MILLION / 1000
    heads = _TAGS * _MILLION / 1000
    lines = [
        f"| US $ | write | read {_times(reads)} | tags {_times(tags)} | leave the cloud | a month | 10 years |",
        "| --- | --: | --: | --: | --: | --: | --: |",
    ]
    for cloud in prices["Clouds"]:
        figures = (
            writes * cloud["WriteMillion"],
            reads * (parts * cloud["ReadMillion"] + gigabytes * cloud["ReadGB"]),
            tags * (cloud["ReadMillion"] + heads * cloud["ReadGB"]),
            gigabytes * cloud["LeaveGB"],
            gigabytes * cloud["StoreGBMonth"],
            gigabytes * cloud["StoreGBMonth"] * 120,
        )
        lines.append(f"| {cloud['Name']} | " + " | ".join(f"{figure:,.2f}" for figure in figures) + " |")
    return "\n".join(lines)


def _times(number: float) -> str:
    return "once" if number == 1 else f"{number:g} times"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="script/cost.py", description=__doc__)
    parser.add_argument("--prices", type=Path, default=PRICES, help="file with prices (default: the examples)")
    parser.add_argument("--megabytes", type=float, default=MEGABYTES, help="size of an instance (default: 0.525)")
    parser.add_argument("--reads", type=float, default=1, help="how often each instance is read (default: 1)")
    parser.add_argument("--tags", type=float, default=1, help="how often its tags are (default: 1)")
    chosen = parser.parse_args()
    print(table(json.loads(chosen.prices.read_text()), chosen.megabytes, chosen.reads, chosen.tags))


if __name__ == "__main__":
    main()
