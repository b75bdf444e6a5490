"""Terraform, for tests of what is in `terraform/`."""

from __future__ import annotations

import pytest

from tests.terraform.program import Terraform


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """Terraform on an unchanged copy of the folder."""
    return Terraform(tmp_path_factory.mktemp("terraform"))
