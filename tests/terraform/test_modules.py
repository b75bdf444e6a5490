"""Every module and example: Terraform's own checks. A new folder is found by itself."""

from __future__ import annotations

import pytest

from tests.terraform.program import SOURCE, Terraform, folders

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
