"""The drop-in for Debian's service: what systemd says about it, and Orthanc under what it allows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from storage_plugins.config.section import Section
from tests.packaging.service import DROP_IN, settings

_UNIT = Path("/lib/systemd/system/orthanc.service")
# Of 10: what systemd itself calls "OK". Debian's service alone is at 9.2.
_EXPOSURE = 2.0


def analyze(folder: Path, drop_in: str, *command: str) -> subprocess.CompletedProcess[str]:
    """What systemd-analyze says about Debian's service with a drop-in."""
    (folder / "orthanc.service.d").mkdir(parents=True)
    shutil.copy(_UNIT, folder)
    (folder / "orthanc.service.d" / "storage-plugins.conf").write_text(drop_in)
    return subprocess.run(
        ["systemd-analyze", *command],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_systemd_understands_it(tmp_path: Path) -> None:
    """Every key and value."""
    said = analyze(tmp_path, DROP_IN.read_text(), "verify", "--man=no", "orthanc.service")
    assert (0, "") == (said.returncode, said.stdout + said.stderr)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("ProtectSystem=strict", "ProtectSytsem=strict"), ("TimeoutStopSec=120", "TimeoutStopSec=soon")],
)
def test_systemd_does_not_understand_it(tmp_path: Path, right: str, wrong: str) -> None:
    """A misspelt key and a value without meaning are found."""
    text = DROP_IN.read_text()
    assert right in text
    assert "ignoring" in analyze(tmp_path, text.replace(right, wrong), "verify", "--man=no", "orthanc.service").stderr


def test_little_is_exposed(tmp_path: Path) -> None:
    """As systemd counts it."""
    said = analyze(tmp_path, DROP_IN.read_text(), "security", "--offline=true", "--no-pager", "orthanc.service").stdout
    (exposure,) = re.findall(r"Overall exposure level for orthanc.service: ([\d.]+)", said)
    assert _EXPOSURE >= float(exposure)


def test_there_is_time_to_stop() -> None:
    """More than running requests and uploads may take by default."""
    assert float(settings()["TimeoutStopSec"]) >= 2 * Section.model_fields["stop_timeout"].default
