"""Writes what is generated under docs/ from the code. `--check` only tells whether it is up to date."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import cost

from storage_plugins import registry
from storage_plugins.config import reference

DOCS = Path(__file__).parent.parent / "docs"
_COST = re.compile(r"(?<=<!-- cost -->\n).*?(?=<!-- end -->)", re.DOTALL)


def generated() -> dict[Path, str]:
    """Every generated file and what it must hold."""
    options = {name: registry.find(name).Options for name in registry.BUILT_IN}
    table = cost.table(json.loads(cost.PRICES.read_text()), cost.MEGABYTES)
    page = DOCS / "cost.md"
    return {
        DOCS / "configuration.md": reference.markdown(options),
        DOCS / "configuration.schema.json": json.dumps(reference.schema(options), indent=2) + "\n",
        page: _COST.sub(lambda _: f"{table}\n", page.read_text()),
    }


def main() -> int:
    """0 when everything is up to date, or has been written."""
    stale = [path for path, text in generated().items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(DOCS.parent)} is out of date: run ./script/docs")
        return 1 if stale else 0
    for path, text in generated().items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
