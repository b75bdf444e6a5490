"""What the text names exists: keys, metrics, options of commands, files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import pytest

from storage_plugins import compose, errors, registry
from storage_plugins.cli import main
from storage_plugins.config import reference
from storage_plugins.config.official import SECTIONS
from storage_plugins.config.orthanc import OrthancConfiguration
from storage_plugins.metrics import Metrics
from storage_plugins.reports import for_people
from tests.docs.pages import DOCS, ROOT, inline_code, page_name, pages, snippets
from tests.unit.layers_site import new_site

PAGES: Final = [page for page in pages() if "adr" not in page.parts and page.name != "CHANGELOG.md"]
"""Decisions and changes may name what is no more."""

ORTHANC: Final = Path("/etc/orthanc/orthanc.json")
OTHERS: Final = {
    # of Orthanc and its plugins, which Debian's configuration file does not list
    "PostgreSQL", "EnableStorage", "EnableIndex", "IndexConnectionsCount", "ConnectionUri", "DatabaseServerIdentifier",
    "MaximumConnectionRetries", "Lock", "CountInstances", "CompressedSize", "RegisteredUsers",
    "OrthancAwsS3Storage", "OrthancAzureBlobStorage", "OrthancGoogleCloudStorage",
    # of the clouds
    "AbortIncompleteMultipartUpload", "AssumeRole", "Archive", "Cool", "Cold", "Hot", "LIST", "ETag", "Authorization",
    # of our code and its tests
    "Store", "FolderMedium", "StoreMedium", "OrthancPluginInitialize", "OrthancPluginFinalize",
    # of systemd and of Docker
    "Restart", "TimeoutStopSec", "ReadWritePaths", "RequiresMountsFor", "LoadCredential", "EnvironmentFile",
    "Dockerfile",
}  # fmt: skip
"""Names that are nobody's key here."""

_KEY: Final = re.compile(r"[A-Z][a-z]+[A-Za-z0-9]*(?:\.[A-Z][A-Za-z0-9]+)*")
_METRIC: Final = re.compile(r"\bstorage_plugins_[a-z_]+\b(?![<.(/])")
_FILE: Final = re.compile(
    r"(?:\.?/)?(?:benchmarks|docs|native_shim|packaging|script|storage_plugins|terraform|tests)/[\w./-]*"
)


def strings(value: Any) -> Iterator[str]:
    """All keys and texts of a JSON document."""
    match value:
        case dict():
            for key, inner in value.items():
                yield key
                yield from strings(inner)
        case list():
            for inner in value:
                yield from strings(inner)
        case str():
            yield value


@pytest.fixture(scope="module")
def known() -> set[str]:
    """Keys and values of configurations: ours, the official plugins', Orthanc's."""
    options = {name: registry.find(name).Options for name in registry.BUILT_IN}
    found = set(strings(reference.schema(options))) | set(SECTIONS)
    for official in SECTIONS.values():
        found |= set(official.keys)
    found |= {kind.__name__ for kind in errors.ALL}
    return found | set(re.findall(r'"(\w+)"\s*:', ORTHANC.read_text())) | OTHERS


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, float]]:
    """The metrics of a store with all layers."""
    with pytest.MonkeyPatch.context() as patch:
        site = new_site(tmp_path_factory.mktemp("site"), patch)
        site.write(CircuitBreaker={})
        metrics = Metrics()
        with compose.open_store(compose.plan(OrthancConfiguration.from_file(site.config)), metrics):
            yield metrics.snapshot()


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_keys(page: Path, known: set[str], published: dict[str, float]) -> None:
    """Keys of configurations, and values of them."""
    told = set(strings(for_people({"x": dict.fromkeys(_last_parts(published), 0.0)})))
    unknown = {
        code
        for code in inline_code(page)
        if _KEY.fullmatch(code) and not all(part in known | told for part in code.split("."))
    }
    assert set() == unknown, unknown


def _last_parts(published: dict[str, float]) -> set[str]:
    """The names of metrics without what is before them, as the status has them."""
    parts = [name.split("_") for name in published]
    return {"_".join(words[at:]) for words in parts for at in range(2, len(words))}


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_metrics(page: Path, published: dict[str, float]) -> None:
    """Every metric is one that the plugin sets."""
    text = page.read_text().replace("storage_plugins_json", "")  # an output of the Terraform modules
    assert set() == set(_METRIC.findall(text)) - set(published) - {"storage_plugins_main", "storage_plugins_tests"}


def test_metrics_with_a_verb(published: dict[str, float]) -> None:
    """The table with `<verb>` and `<outcome>` describes what there is, and all of it."""
    page = (DOCS / "operations.md").read_text()
    patterns = re.findall(r"^\| `(storage_plugins_<verb>\S*)` \|", page, re.MULTILINE)
    (row,) = re.findall(r"^\| `storage_plugins_<verb>_<outcome>_total` \|(.*)\|$", page, re.MULTILINE)
    listed = {
        pattern.replace("<verb>", verb).replace("<outcome>", outcome)
        for pattern in patterns
        for verb in ("put", "read", "read_range", "delete")
        for outcome in re.findall(r"`(\w+)`", row)
    }
    layers = ("cache", "write_behind", "delayed_deletion", "circuit_breaker")
    of_calls = {
        name for name in published if not name.startswith(tuple(f"storage_plugins_{layer}_" for layer in layers))
    }
    assert of_calls == listed


def _options() -> set[str]:
    """Of our commands and scripts."""

    def walk(command: click.Command) -> Iterator[str]:
        for parameter in command.params:
            yield from parameter.opts
        if isinstance(command, click.Group):
            for inner in command.commands.values():
                yield from walk(inner)

    scripts = "".join(path.read_text() for path in (ROOT / "script").iterdir() if path.is_file())
    return {*walk(main), "--help", *re.findall(r"--[a-z-]+", scripts)}


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_options(page: Path) -> None:
    """Options that the text names are those of our commands and scripts."""
    others = {"--verbose", "--require-hashes", "--no-deps", "--enable-shared"}  # of Orthanc, pip and Python
    named = {code.split()[0] for code in inline_code(page) if code.startswith("--")}
    assert set() == named - _options() - others


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_files(page: Path) -> None:
    """Files of the repository that the text names are there."""
    made = {"packaging/secrets/orthanc-password"}  # by packaging/make-secrets
    named = {match[0] for code in inline_code(page) if (match := _FILE.fullmatch(code))} - made
    assert set() == {name for name in named if not (ROOT / name).exists()}


def test_the_checks_look_at_something() -> None:
    """The patterns find what they are for."""
    codes = [code for page in PAGES for code in inline_code(page)]
    assert 250 < len([code for code in codes if _KEY.fullmatch(code)])
    assert 20 < len([code for code in codes if _FILE.fullmatch(code)])
    assert 50 < len([name for page in PAGES for name in _METRIC.findall(page.read_text())])
    assert 30 < len(snippets("json", "sh"))
