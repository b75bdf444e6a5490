"""The documentation site, built once for each worker of a run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs import built
from tests.docs.pages import ROOT


class Site:
    """The built site, and what its build has said."""

    def __init__(self, folder: Path, said: str) -> None:
        self.folder = folder
        self.said = said
        self.pages = {path: built.read(path) for path in sorted(folder.rglob("*.html"))}


def build(folder: Path, configuration: Path = ROOT / "mkdocs.yml") -> subprocess.CompletedProcess[str]:
    """Runs MkDocs as script/docs does."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--config-file", configuration, "--site-dir", folder],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        timeout=120,
    )


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Built in strict mode."""
    folder = tmp_path_factory.mktemp("site")
    result = build(folder)
    assert 0 == result.returncode, result.stderr
    return Site(folder, result.stderr)
