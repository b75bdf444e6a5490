"""Wheel and sdist: what is in them, and that a plugin which was installed from them works."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from storage_plugins.testing.orthanc import Orthanc
from tests import dicom
from tests.packaging.conftest import ROOT

_PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_STEM = f"orthanc_storage_plugins-{_PROJECT['version']}"


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """What a program printed. It must succeed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=250, check=False)
    assert 0 == done.returncode, done.stdout[-1500:] + done.stderr[-1500:]
    return done.stdout


def test_the_wheel(distributions: Path) -> None:
    """It holds every module and C file of the two packages, the licence, and nothing else: no tests."""
    with zipfile.ZipFile(distributions / f"{_STEM}-py3-none-any.whl") as wheel:
        names = set(wheel.namelist())
        metadata = wheel.read(f"{_STEM}.dist-info/METADATA").decode()
    wanted = {
        str(path.relative_to(ROOT))
        for package in ("native_shim", "storage_plugins")
        for path in (ROOT / package).rglob("*")
        if path.suffix in {".py", ".c", ".h"} or path.name == "py.typed"
    }
    assert wanted == {name for name in names if ".dist-info/" not in name}
    assert f"{_STEM}.dist-info/licenses/LICENSE" in names
    assert f"\nVersion: {_PROJECT['version']}\n" in metadata
    assert "\nLicense-Expression: GPL-3.0-or-later\n" in metadata


def test_the_sdist(distributions: Path) -> None:
    """It holds what the wheel is made of, and what a person needs who has nothing else."""
    with tarfile.open(distributions / f"{_STEM}.tar.gz") as sdist:
        names = {name.removeprefix(f"{_STEM}/") for name in sdist.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", "native_shim/border.h", "storage_plugins/store.py"} <= names
    assert not [name for name in names if name.endswith((".so", ".pyc"))]


def test_a_plugin_from_them(distributions: Path, tmp_path: Path) -> None:
    """Installed in a new environment, away from the sources, each builds a plugin with which an Orthanc works."""
    environment = tmp_path / "environment"
    install = (environment / "bin" / "pip", "install", "--quiet", "--no-compile")
    run(sys.executable, "-m", "venv", environment)
    run(*install, distributions / f"{_STEM}-py3-none-any.whl", cwd=tmp_path)
    try_out(environment, tmp_path / "wheel")
    run(*install, "--force-reinstall", "--no-deps", distributions / f"{_STEM}.tar.gz", cwd=tmp_path)
    try_out(environment, tmp_path / "sdist")


def try_out(environment: Path, folder: Path) -> None:
    """Builds the plugin of an environment; an Orthanc stores, reads and deletes with it."""
    plugin = environment / "lib" / "orthanc" / "libOrthancStoragePlugins.so"
    plugin.unlink(missing_ok=True)
    assert str(plugin) == run(environment / "bin" / "orthanc-storage", "build", cwd=environment).splitlines()[0]
    data = dicom.sample()
    with Orthanc(folder, {"StoragePlugins": {}}, plugins=[str(plugin)]) as orthanc:
        assert str(plugin) in Path(f"/proc/{orthanc.pid}/maps").read_text()
        instance = orthanc.upload(data)
        assert data == orthanc.get(f"/instances/{instance}/file").body
        stored = [path for path in orthanc.storage.rglob("*-*-*-*-*") if path.read_bytes() == data]
        assert 1 == len(stored)
        assert 200 == orthanc.delete(f"/instances/{instance}").status
        assert not stored[0].exists()
