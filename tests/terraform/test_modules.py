"""Every module and example: Terraform's own checks. A new folder is found by itself."""

from __future__ import annotations

import re

import pytest

from tests.terraform.program import SOURCE, Terraform, folders
from tests.terraform.schema import Provider

TESTED = [folder for folder in folders() if list((SOURCE / folder).glob("tests/*.tftest.hcl"))]


def test_formatted(terraform: Terraform) -> None:
    """All files are as `terraform fmt` writes them."""
    terraform.run(".", "fmt", "-check", "-recursive", "-diff").checked()


@pytest.mark.parametrize("folder", folders())
def test_valid(terraform: Terraform, folder: str) -> None:
    """Every attribute, type and reference is right."""
    terraform.init(folder).checked()
    terraform.run(folder, "validate", "-no-color").checked()


@pytest.mark.parametrize("folder", TESTED)
def test_its_own_tests(terraform: Terraform, folder: str) -> None:
    """Those of its folder `tests`."""
    terraform.init(folder).checked()
    result = terraform.run(folder, "test", "-no-color").checked()
    assert "0 passed" not in result.out, result.text


def test_every_module_has_tests() -> None:
    """None slips past the tests above."""
    assert [folder for folder in folders() if folder.startswith("modules/") and folder not in TESTED] == []


@pytest.mark.parametrize("folder", folders())
def test_provider_is_the_one_that_was_tested(folder: str) -> None:
    """The stubs do not look at the versions that a folder asks for."""
    text = (SOURCE / folder / "versions.tf").read_text()
    wanted = re.findall(r'"hashicorp/(\w+)"\s+version = ">= (\d+)\.0, < (\d+)\.0"', text)
    assert wanted
    for name, first, end in wanted:
        assert int(first) <= int(Provider.load(name).version.partition(".")[0]) < int(end)
