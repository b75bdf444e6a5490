"""The lines of Terraform on the pages call a module with variables and outputs that it has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, Snippet, snippets

MODULES = ROOT / "terraform" / "modules"
BLOCKS = snippets("hcl")
_MODULE = re.compile(r'^module "\w+" {\n\s+source\s+= ".*?modules/(\w+)"\n(.*?)^}', re.MULTILINE | re.DOTALL)


def declared(module: Path, kind: str) -> dict[str, str]:
    """The variables or outputs of a module, and what is in each."""
    text = "".join(file.read_text() for file in sorted(module.glob("*.tf")))
    return dict(re.findall(rf'^{kind} "(\w+)" {{\n(.*?)^}}', text, re.MULTILINE | re.DOTALL))


def faults(text: str) -> list[str]:
    """What a block asks of its module that is not there, and what it leaves out."""
    ((source, body),) = _MODULE.findall(text)
    variables = declared(MODULES / source, "variable")
    given = set(re.findall(r"^  (\w+)\s*=", body, re.MULTILINE))
    needed = {name for name, inner in variables.items() if not re.search(r"^  default\s*=", inner, re.MULTILINE)}
    asked = set(re.findall(r"module\.\w+\.(\w+)", text))
    return sorted((given - set(variables)) | (needed - given) | (asked - set(declared(MODULES / source, "output"))))


@pytest.mark.parametrize("snippet", BLOCKS, ids=lambda snippet: snippet.name)
def test_modules_are_called_as_they_are(snippet: Snippet) -> None:
    """No variable that is not there, all that are needed, and only outputs that there are."""
    assert [] == faults(snippet.text)


def test_what_is_wrong_is_found() -> None:
    """The check above, checked."""
    text = 'module "a" {\n  source = "./modules/gcs"\n  project = "p"\n  bukket = "b"\n}\nx = module.a.nothing\n'
    assert ["bucket", "bukket", "location", "nothing"] == faults(text)


@pytest.mark.parametrize("cloud", ["s3", "azure", "gcs"])
def test_the_output_of_the_pages(cloud: str) -> None:
    """What the pages of the clouds say of every module."""
    assert {"storage_plugins_json", "actions"} <= set(declared(MODULES / cloud, "output"))
    page = {"s3": "amazon-s3", "azure": "azure", "gcs": "google"}[cloud]
    assert "an output `storage_plugins` of its `storage_plugins_json`" in (DOCS / f"{page}.md").read_text()
