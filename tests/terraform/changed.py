"""Copies of `terraform/` with something wrong in them, for tests of the checks."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from tests.terraform.program import Terraform

Change: TypeAlias = tuple[str, str, str]
"""A file, a text that is in it once, and what takes its place."""


def changed(work: Path, *changes: Change) -> Terraform:
    """Terraform on a copy with these changes."""
    terraform = Terraform(work)
    for file, old, new in changes:
        path = terraform.root / file
        text = path.read_text()
        assert text.count(old) == 1, f"{file} has {old!r} {text.count(old)} times"
        path.write_text(text.replace(old, new))
    return terraform
