"""What docs/layers.md says is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

from storage_plugins import compose
from storage_plugins.cli import main
from storage_plugins.config.orthanc import OrthancConfiguration
from storage_plugins.layers.metrics import MetricsLayer
from storage_plugins.metrics import Metrics
from tests.unit.layers_site import Site, new_site
from tests.unit.test_docs import ROOT, blocks

PAGE = ROOT / "docs" / "layers.md"


def test_the_example_has_all_layers() -> None:
    """Orthanc would start with it, and each layer is in it."""
    (block,) = blocks(PAGE, "json")
    section = compose.plan(OrthancConfiguration(json.loads(block), "/etc/orthanc")).section
    assert None not in (section.cache, section.write_behind, section.delayed_deletion)
    assert "s3" == section.backend


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """With all layers."""
    site = new_site(tmp_path, monkeypatch)
    site.write(CircuitBreaker={})
    return site


def test_the_metrics(site: Site) -> None:
    """The table names what the layers publish, and nothing else."""
    metrics, calls = Metrics(), Metrics()
    with compose.open_store(compose.plan(OrthancConfiguration.from_file(site.config)), metrics) as store:
        published = set(metrics.snapshot())
        MetricsLayer(store, calls)
    listed = re.findall(r"^\| `(storage_plugins_\w+)` \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(published - set(calls.snapshot())) == sorted(listed)


def test_the_commands() -> None:
    """Every command of the page is one, with the options that it is given."""
    lines = re.findall(r"^orthanc-storage ([^#\n]+)", PAGE.read_text(), re.MULTILINE)
    assert 8 <= len(lines)
    for line in lines:
        command: click.Command = main
        words = line.split()
        while isinstance(command, click.Group):
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known
