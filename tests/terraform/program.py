"""Terraform on a copy of the project's folder `terraform/`, with stub providers in place of the three clouds'."""

from __future__ import annotations

import atexit
import functools
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

PROJECT: Final = Path(__file__).parents[2]
SOURCE: Final = PROJECT / "terraform"
TOOLS: Final = Path(sys.prefix) / "terraform" / "bin" / "python"
"""Python of the environment with Terraform and what the stub provider needs. `script/test` makes it."""
_CLI: Final = Path(__file__).with_name("cli.py")
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
        """`work`: an empty or missing folder, for the copy and all state."""
        self.root = work / "terraform"
        shutil.copytree(source, self.root, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
        self._work = work
        self._ready: set[str] = set()
        self._states: dict[tuple[str, str], dict[str, Any]] = {}

    def run(self, folder: str, command: str, *arguments: str) -> Result:
        """Runs `terraform COMMAND ARGUMENTS` in a folder of the copy, such as `modules/s3`."""
        done = subprocess.run(
            [str(TOOLS), str(_CLI), f"-chdir={self.root / folder}", command, *arguments],
            capture_output=True,
            text=True,
            env=self._environment(),
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
        """The outputs of a folder after an apply from nothing. One that is null is left out."""
        return {name: output["value"] for name, output in self._state(module, variables)["outputs"].items()}

    def resources(self, module: str, variables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """All resources of its own after such an apply, without those of modules within: attributes by address."""
        return {
            f"{resource['type']}.{resource['name']}{_index(instance)}": instance["attributes"]
            for resource in self._state(module, variables)["resources"]
            if resource["mode"] == "managed" and "module" not in resource
            for instance in resource["instances"]
        }

    def planned(self, module: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The plan as JSON."""
        self.init(module).checked()
        plan = self._scratch() / "plan"
        self.run(module, "plan", *_given(plan.parent, variables), f"-out={plan}").checked()
        shown: dict[str, Any] = json.loads(self.run(module, "show", "-json", str(plan)).checked().out)
        return shown

    def _state(self, module: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        key = module, json.dumps(dict(variables), sort_keys=True)
        if key not in self._states:
            self.init(module).checked()
            state = self._scratch() / "state"
            self.run(module, "apply", "-auto-approve", *_given(state.parent, variables), f"-state={state}").checked()
            self._states[key] = json.loads(state.read_text())
        return self._states[key]

    def _scratch(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._work))

    def _environment(self) -> dict[str, str]:
        """Without the variables of whoever runs the tests: Terraform takes `TF_*`, which may name other providers."""
        return {
            "CHECKPOINT_DISABLE": "1",
            "HOME": str(self._work),
            "PATH": os.environ["PATH"],
            "TF_IN_AUTOMATION": "1",
            "TF_REATTACH_PROVIDERS": _providers(),
        }


@functools.cache
def _providers() -> str:
    """Starts the stub providers, once for this process, and says where they are."""
    assert TOOLS.exists(), f"{TOOLS} is missing: script/test makes it"
    process = subprocess.Popen(
        [str(TOOLS), "-m", "tests.terraform.stub_provider"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=PROJECT,
        text=True,
    )
    # They end with their standard input: also when this process is killed.
    atexit.register(process.communicate)
    assert process.stdout is not None
    where = process.stdout.readline()
    assert where, "the stub providers did not start"
    return where


def _given(folder: Path, variables: Mapping[str, Any]) -> list[str]:
    file = folder / "given.tfvars.json"
    file.write_text(json.dumps(dict(variables)))
    return ["-input=false", "-no-color", f"-var-file={file}"]


def _index(instance: Mapping[str, Any]) -> str:
    return f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
