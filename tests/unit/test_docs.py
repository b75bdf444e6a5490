from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from storage_plugins import compose
from storage_plugins.config.orthanc import OrthancConfiguration
from storage_plugins.testing import contract

ROOT = Path(__file__).parents[2]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def test_example_configuration() -> None:
    """The example that script/server uses."""
    plan = compose.plan(OrthancConfiguration.from_file(ROOT / "docs" / "examples" / "local.json"))
    assert "local" == plan.section.backend


@pytest.fixture
def my_package() -> Iterator[ModuleType]:
    """The backend of docs/writing-a-backend.md as the module that the page imports."""
    spec = importlib.util.spec_from_file_location("my_package", ROOT / "docs" / "examples" / "sqlite_backend.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["my_package"] = module
    yield module
    del sys.modules["my_package"]


def test_the_page_shows_the_file() -> None:
    """The code on the page is the code that is tested, and has the promised length."""
    code = (ROOT / "docs" / "examples" / "sqlite_backend.py").read_text()
    assert code == blocks(ROOT / "docs" / "writing-a-backend.md", "python")[0]
    assert 55 >= len([line for line in code.splitlines() if line.strip()])


@pytest.mark.usefixtures("my_package")
@pytest.mark.parametrize("check", contract.CHECKS, ids=contract.name)
def test_the_backend_of_the_page(check: contract.Check, tmp_path: Path) -> None:
    """The backend keeps the contract, in the rig that the page shows."""
    page: dict[str, Any] = {}
    source = blocks(ROOT / "docs" / "writing-a-backend.md", "python")[1].replace("@pytest.fixture\n", "")
    exec(compile(source, "writing-a-backend.md", "exec"), page)  # noqa: S102 - our own page
    with ExitStack() as stack:
        generator = page["rig"](tmp_path)
        rig = next(generator)
        stack.callback(generator.close)
        check(rig)
