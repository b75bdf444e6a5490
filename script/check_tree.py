"""Holds the layout of the repository: what is at its top, how long a file may be, that modules have tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOP = {
    ".ci", ".gitignore", "CHANGELOG.md", "LICENSE", "README.md", "benchmarks", "docs", "mkdocs.yml", "native_shim",
    "packaging", "pyproject.toml", "script", "storage_plugins", "terraform", "tests",
}  # fmt: skip
LONGEST = 400
PRODUCTS = {".so", ".o", ".pyc", ".whl"}


def faults(files: list[Path]) -> list[str]:
    """What is wrong with the tree, one sentence each."""
    found = [f"{file}: not a folder or file of the top level" for file in files if file.parts[0] not in TOP]
    found += [f"{file}: a build product" for file in files if file.suffix in PRODUCTS]
    for file in files:
        if file.suffix in {".py", ".c", ".h"}:
            lines = len(file.read_text().splitlines())
            if lines > LONGEST:
                found.append(f"{file}: {lines} lines; a file that wants more than {LONGEST} has two duties")
    return found


def main() -> int:
    """Prints the faults; 0 when there are none."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True
    )
    found = faults([Path(line) for line in listed.stdout.splitlines() if Path(line).exists()])
    print("\n".join(found) or "The tree is in order.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
