"""Every configuration and every other file that a page shows is one."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml

from storage_plugins import compose, registry
from storage_plugins.config.official import SECTIONS
from storage_plugins.config.orthanc import SECTION, OrthancConfiguration
from storage_plugins.errors import ConfigInvalid
from tests.docs.pages import DOCS, Snippet, page_name, snippets

UNCHECKED = {"docs/from-disk.md": 1, "docs/recovery.md": 1}
"""How many snippets of which page nothing checks. The reason is a comment before each."""

_ENVIRONMENT = re.compile(r"\$\{(\w+)\}")


@pytest.fixture
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that configurations of the pages take from the environment, and the backend of the page on them."""
    for snippet in snippets("json"):
        for name in _ENVIRONMENT.findall(snippet.text):
            monkeypatch.setenv(name, "a-value")
    spec = importlib.util.spec_from_file_location("my_package", DOCS / "examples" / "sqlite_backend.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "my_package", module)
    monkeypatch.setitem(registry.BUILT_IN, "sqlite", "my_package:SqliteStore")


def check(text: str, folder: Path) -> None:
    """Raises ConfigInvalid when Orthanc would not start with it."""
    file = folder / "orthanc.json"
    file.write_text(text)
    compose.plan(OrthancConfiguration.from_file(file))


@pytest.mark.usefixtures("_surroundings")
@pytest.mark.parametrize("snippet", snippets("json"), ids=lambda snippet: snippet.name)
def test_configurations(snippet: Snippet, tmp_path: Path) -> None:
    """Each has our section, or an official plugin's, and nothing that Orthanc would not start with."""
    values = json.loads(snippet.text)
    if not snippet.unchecked:
        assert SECTION in values or set(SECTIONS) & set(values)
        check(snippet.text, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        '{"StoragePlugins": {"Backend": "s3", "Options": {"Bucket": "a", "Regoin": "b"}}}',
        '{"StoragePlugins": {"Backend": "ftp"}}',
        '{"StoragePlugins": {"Workers": "many"}}',
    ],
)
def test_what_is_wrong_is_found(text: str, tmp_path: Path) -> None:
    """The check above, checked."""
    with pytest.raises(ConfigInvalid):
        check(text, tmp_path)


@pytest.mark.parametrize("snippet", snippets("toml", "yaml"), ids=lambda snippet: snippet.name)
def test_other_files(snippet: Snippet) -> None:
    """They can be parsed."""
    assert tomllib.loads(snippet.text) if snippet.language == "toml" else yaml.safe_load(snippet.text)


@pytest.mark.parametrize("snippet", snippets("python"), ids=lambda snippet: snippet.name)
def test_python(snippet: Snippet) -> None:
    """It can be compiled. That it works is shown where it is run: tests/unit/test_docs.py and test_recovery.py."""
    compile(snippet.text, snippet.name, "exec")
    assert page_name(snippet.page) in {"docs/writing-a-backend.md", "docs/recovery.md"}


def test_every_snippet_has_a_check() -> None:
    """Its language is one that is checked here or beside; "" and text are drawings and formulas."""
    languages = {snippet.language for snippet in snippets()}
    assert languages <= {"", "text", "json", "sh", "toml", "yaml", "python", "hcl"}


def test_what_is_not_checked() -> None:
    """The list of it is short, and each has a reason."""
    unchecked = [snippet for snippet in snippets() if snippet.unchecked]
    assert UNCHECKED == Counter(page_name(snippet.page) for snippet in unchecked)
    assert [] == [snippet.name for snippet in unchecked if len(snippet.unchecked) < 20]
