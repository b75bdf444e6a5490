from __future__ import annotations

import sys
from pathlib import Path

import pytest

from storage_plugins import registry
from storage_plugins.adapters.local import LocalStore
from storage_plugins.errors import ConfigInvalid


@pytest.fixture
def other_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installed package that offers backends, some of them broken. Returns the name of its module."""
    module = "other_package_of_a_test"
    (tmp_path / f"{module}.py").write_text(
        "from storage_plugins.adapters.memory import MemoryStore\nclass Mine(MemoryStore):\n    pass\nno_class = 3\n"
    )
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[{registry.GROUP}]\nmine = {module}:Mine\nlocal = {module}:Mine\nwrong = {module}:no_class\n"
        f"absent = {module}:Absent\nuninstalled = not_there_at_all:Store\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, module, raising=False)
    return module


def test_a_backend_of_another_package(other_package: str) -> None:
    """An entry point is enough to be found, and to be listed."""
    assert other_package == registry.find("mine").__module__
    assert ["local", "memory", "s3", "azure", "gcs", "fsspec"] == registry.names()[:6]
    assert "mine" in registry.names()


@pytest.mark.usefixtures("other_package")
def test_built_in_names_cannot_be_taken_over() -> None:
    """Installing a package must not change where files go."""
    assert LocalStore is registry.find("local")


@pytest.mark.usefixtures("other_package")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wrong", "is not a subclass of storage_plugins.Backend"),
        ("absent", "cannot be loaded: .*Absent"),
        ("uninstalled", "cannot be loaded: No module named 'not_there_at_all'. Install the package that it needs"),
        (
            "mien",
            'there is no backend "mien"; did you mean "mine"\\? Known backends: local, memory, s3, azure, gcs, ',
        ),
    ],
)
def test_backends_that_cannot_be_used(name: str, message: str) -> None:
    """The message says what is wrong with it."""
    with pytest.raises(ConfigInvalid, match=message):
        registry.find(name)
