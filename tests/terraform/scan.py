"""Checkov, which compares Terraform with the policies that auditors ask for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

CHECKOV: Final = Path(sys.prefix) / "checkov" / "bin" / "checkov"
"""In an environment of its own. `script/test` makes it."""
_TIMEOUT: Final = 240.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One policy and one resource."""

    check: str
    name: str
    resource: str
    file: str
    """Below the folder that was scanned."""

    reason: str = ""
    """Why it was left out."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a scan has found."""

    passed: int
    failed: list[Finding]
    skipped: list[Finding]
    unread: list[str]
    """Files that it could not read."""


def scan(folder: Path, home: Path) -> Report:
    """Scans all Terraform in a folder. `home`: an empty folder, so that nothing of whoever runs the tests counts."""
    assert CHECKOV.exists(), f"{CHECKOV} is missing: script/test makes it"
    done = subprocess.run(
        [str(CHECKOV), "-d", str(folder), "--framework", "terraform", "--output", "json", "--skip-download"],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        cwd=home,
        env={"HOME": str(home), "PATH": os.environ["PATH"], "LOG_LEVEL": "ERROR"},
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    found = json.loads(done.stdout)
    results = found.get("results", {})
    return Report(
        found.get("summary", found)["passed"],
        [_finding(one) for one in results.get("failed_checks", [])],
        [_finding(one) for one in results.get("skipped_checks", [])],
        results.get("parsing_errors", []),
    )


def _finding(one: dict[str, Any]) -> Finding:
    reason = one["check_result"].get("suppress_comment") or ""
    return Finding(one["check_id"], one["check_name"], one["resource"], one["file_path"].lstrip("/"), reason)
