"""Policies that auditors ask for, on all of `terraform/`. What is left out says why, beside the resource."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.terraform.changed import changed
from tests.terraform.program import SOURCE, folders
from tests.terraform.scan import Report, scan


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Of the folder as it is."""
    return scan(SOURCE, tmp_path_factory.mktemp("scan"))


def test_everything_is_read(report: Report) -> None:
    """Also what checkov understands least."""
    assert report.unread == []
    assert report.passed > 100


@pytest.mark.parametrize("folder", folders())
def test_nothing_is_found(report: Report, folder: str) -> None:
    """Checkov has nothing to say."""
    assert [one for one in report.failed if one.file.startswith(f"{folder}/")] == []


def test_what_is_left_out_says_why(report: Report) -> None:
    """Checkov's own text in place of a reason is "No comment provided"."""
    assert [one for one in report.skipped if len(one.reason.split()) < 4 or "No comment" in one.reason] == []


def test_scan_finds_what_is_wrong(tmp_path: Path) -> None:
    """All at once, since a scan takes seconds to start."""
    wrong = tmp_path / "wrong"
    main = "modules/s3/main.tf"
    block = 'resource "aws_s3_bucket_public_access_block" "this" {'
    closed = "block_public_policy     = true"
    copies = [
        changed(wrong / "absent", (main, block, 'resource "aws_s3_bucket_metric" "this" {')),
        changed(wrong / "open", (main, closed, closed.replace("true", "false"))),
    ]
    for copy in copies:
        for other in ("examples", "modules/azure", "modules/gcs"):
            shutil.rmtree(copy.root / other)
    found = {(one.file.partition("/")[0], one.check) for one in scan(wrong, tmp_path).failed}
    assert found >= {("absent", "CKV2_AWS_6"), ("open", "CKV_AWS_54")}
