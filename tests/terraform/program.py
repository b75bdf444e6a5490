"""Terraform on a copy of the project's folder `terraform/`, with stub providers in place of the three clouds'."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.terraform.schema import PROVIDERS, Provider

PROJECT: Final = Path(__file__).parents[2]
SOURCE: Final = PROJECT / "terraform"
TOOLS: Final = Path(sys.prefix) / "terraform" / "bin" / "python"
"""Python of the environment with Terraform and what the stub provider needs. `script/test` makes it."""
_TIMEOUT: Final = 240.0


def folders(root: Path = SOURCE) -> list[str]:
    """The modules and examples, as paths below `root`."""
    found = {file.parent for part in ("modules", "examples") for file in (root / part).rglob("*.tf")}
    return sorted(str(folder.relative_to(root)) for folder in found)


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All that was printed."""
        return self.out + self.err

    def checked(self) -> Result:
        """Itself. Fails the test when the command failed."""
        assert self.code == 0, self.text
        return self


class Terraform:
    """Runs commands on a copy of `terraform/`, which it may be given changed."""

    def __init__(self, work: Path, source: Path = SOURCE) -> None:
        """`work`: an empty or missing folder, for the copy, the providers and all state."""
        assert TOOLS.exists(), f"{TOOLS} is missing: script/test makes it"
        self.root = work / "terraform"
        shutil.copytree(source, self.root, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
        self._work = work
        self._environment = _environment(work)
        self._ready: set[str] = set()

    def run(self, folder: str, command: str, *arguments: str) -> Result:
        """Runs `terraform COMMAND ARGUMENTS` in a folder of the copy, such as `modules/s3`."""
        done = subprocess.run(
            [str(TOOLS), str(Path(__file__).with_name("cli.py")), f"-chdir={self.root / folder}", command, *arguments],
            capture_output=True,
            text=True,
            env=self._environment,
            timeout=_TIMEOUT,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def init(self, folder: str) -> Result:
        """Makes a folder ready, once. The result of the first time."""
        result = Result(0, "", "")
        if folder not in self._ready:
            result = self.run(folder, "init", "-backend=false", "-input=false", "-no-color")
            if result.code == 0:
                self._ready.add(folder)
        return result

    def applied(self, module: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs of a folder after an apply of its own, which changes the copy in nothing."""
        state = self._apply(module, variables)
        told = json.loads(self.run(module, "output", "-json", f"-state={state}").checked().out)
        return {name: output["value"] for name, output in told.items()}

    def resources(self, module: str, variables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """All resources after such an apply: attributes by address."""
        state = self._apply(module, variables)
        root = json.loads(self.run(module, "show", "-json", str(state)).checked().out)["values"]["root_module"]
        return _values(root)

    def planned(self, module: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The plan as JSON."""
        self.init(module).checked()
        plan = self._scratch() / "plan"
        self.run(module, "plan", *_given(plan.parent, variables), f"-out={plan}").checked()
        shown: dict[str, Any] = json.loads(self.run(module, "show", "-json", str(plan)).checked().out)
        return shown

    def _apply(self, module: str, variables: Mapping[str, Any]) -> Path:
        self.init(module).checked()
        state = self._scratch() / "state"
        self.run(module, "apply", "-auto-approve", *_given(state.parent, variables), f"-state={state}").checked()
        return state

    def _scratch(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._work))


def _given(folder: Path, variables: Mapping[str, Any]) -> list[str]:
    file = folder / "given.tfvars.json"
    file.write_text(json.dumps(dict(variables)))
    return ["-input=false", "-no-color", f"-var-file={file}"]


def _values(module: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {resource["address"]: resource["values"] for resource in module.get("resources", [])}
    for child in module.get("child_modules", []):
        found |= _values(child)
    return found


def _environment(work: Path) -> dict[str, str]:
    """Without the variables of whoever runs the tests: Terraform takes `TF_*`, providers take those of their clouds."""
    mirror = work / "mirror"
    for name in PROVIDERS:
        version = Provider.load(name).version
        folder = mirror / "registry.terraform.io" / "hashicorp" / name / version / _platform()
        program = folder / f"terraform-provider-{name}_v{version}"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\nexec "{TOOLS}" -m tests.terraform.stub_provider {name} "$@"\n')
        program.chmod(0o755)
    configuration = work / "terraformrc"
    installation = f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
    configuration.write_text("disable_checkpoint = true\n" + installation)
    return {
        "HOME": str(work),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT),
        "TF_CLI_CONFIG_FILE": str(configuration),
        "TF_IN_AUTOMATION": "1",
    }


def _platform() -> str:
    machine = os.uname().machine
    return "linux_" + {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
