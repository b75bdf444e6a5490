"""What is made once for all tests of a run, also when they run in several processes."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.packaging import debian

ROOT = Path(__file__).parents[2]

Once: TypeAlias = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Once:
    """Gives the folder of a name, which the first to ask makes."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def made(name: str, make: Callable[[Path], None]) -> Path:
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (shared / name).exists():
                make(shared / f"{name}.making")
                (shared / f"{name}.making").rename(shared / name)
        return shared / name

    return made


@pytest.fixture(scope="session")
def fresh(once: Once) -> Path:
    """The root of a minimal Debian 12, which nobody changes."""
    return once("debian-12", debian.bootstrap)


@pytest.fixture(scope="session")
def distributions(once: Once) -> Path:
    """A folder with a wheel and an sdist, where the wheel was built from the sdist."""
    return once("distributions", _build)


def _build(folder: Path) -> None:
    source = debian.checkout(ROOT, folder / "source")
    subprocess.run([sys.executable, "-m", "build", "--outdir", folder, source], capture_output=True, check=True)
