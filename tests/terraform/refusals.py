"""What Terraform says to values that a module does not take."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from typing import Any

from tests.terraform.program import Terraform


def refused(terraform: Terraform, module: str, variables: Mapping[str, Any]) -> str:
    """The messages of a plan that must fail, on one line."""
    terraform.init(module).checked()
    with tempfile.NamedTemporaryFile("w", suffix=".tfvars.json") as file:
        json.dump(dict(variables), file)
        file.flush()
        result = terraform.run(module, "plan", "-input=false", "-no-color", f"-var-file={file.name}")
    assert result.code != 0, result.text
    return " ".join(result.text.replace("│", " ").split())
