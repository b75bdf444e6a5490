"""docs/monitoring.md: rules that Prometheus can read, on metrics that there are."""

from __future__ import annotations

import re

import promql_parser
import pytest
import yaml

from storage_plugins import compose
from storage_plugins.config.orthanc import OrthancConfiguration
from storage_plugins.metrics import Metrics
from tests.docs.pages import DOCS, inline_code, snippets
from tests.unit.layers_site import Site, new_site

PAGE = DOCS / "monitoring.md"
COUNTED = ("_total", "_seconds", "_bytes")


def alerts() -> dict[str, str]:
    """The rules of the page."""
    found = [yaml.safe_load(snippet.text) for snippet in snippets("yaml") if snippet.page == PAGE]
    rules = [rule for one in found for group in one.get("groups", ()) for rule in group["rules"]]
    assert [] == [rule for rule in rules if not rule["annotations"]["summary"]]
    return {rule["alert"]: rule["expr"] for rule in rules}


def graphs() -> list[str]:
    """The expressions in the text."""
    return [code for code in inline_code(PAGE) if "storage_plugins_" in code]


def names(expression: str) -> set[str]:
    """The metrics in an expression. Raises ValueError when it is none."""
    found: set[str] = set()

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            assert node.name, "a rate over several names does not work"
            found.add(node.name)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


@pytest.fixture
def site(tmp_path: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Site:
    """With all layers."""
    site = new_site(tmp_path, monkeypatch)  # type: ignore[arg-type]
    site.write(CircuitBreaker={})
    return site


def test_expressions(site: Site) -> None:
    """Each is PromQL, and names only metrics that the plugin sets."""
    metrics = Metrics()
    with compose.open_store(compose.plan(OrthancConfiguration.from_file(site.config)), metrics):
        published = set(metrics.snapshot())
    used = {name for expression in (*alerts().values(), *graphs()) for name in names(expression)}
    assert set() == used - published
    assert 10 <= len(alerts())
    assert 5 <= len(graphs())


def test_rates_are_of_counters() -> None:
    """A rate or an increase is asked only of what counts up, and only of such names are values taken that way."""
    for expression in (*alerts().values(), *graphs()):
        for name in re.findall(r"(?:rate|increase)\((\w+)\[", expression):
            assert name.endswith(COUNTED)
            assert not name.startswith("storage_plugins_write_behind_pending")


def test_what_is_wrong_is_found() -> None:
    """The checks above, checked."""
    with pytest.raises(ValueError, match=r"."):
        names("rate(storage_plugins_put_bytes[5m]")
    with pytest.raises(AssertionError):
        names('sum(rate({__name__=~"storage_plugins_.*_total"}[5m]))')
