"""The locked requirements, and the bill of materials that is made from them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

from packaging.requirements import Requirement
from tests.packaging.conftest import ROOT

_PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
_EXTRAS = ("s3", "azure", "gcs")
_LOCKS = ROOT / "packaging" / "requirements"


def locked(text: str) -> dict[str, tuple[Requirement, set[str]]]:
    """The packages of a lock, each with its hashes."""
    found: dict[str, tuple[Requirement, set[str]]] = {}
    for entry in re.sub(r"\\\n\s*", "", text).splitlines():
        if entry and not entry.lstrip().startswith("#"):
            words = entry.split(" --hash=")
            requirement = Requirement(words[0])
            found[canonicalize_name(requirement.name)] = (requirement, set(words[1:]))
    return found


def complaints(lock: str, wanted: list[str]) -> list[str]:
    """What is wrong with a lock for these requirements, a sentence each."""
    packages = locked(lock)
    found = [f"{name} has no SHA-256" for name, (_, hashes) in packages.items() if not _all_sha256(hashes)]
    for text in wanted:
        requirement = Requirement(text)
        one = packages.get(canonicalize_name(requirement.name))
        if one is None:
            found.append(f"{text} is not there")
            continue
        (pinned,) = one[0].specifier
        if pinned.operator != "==" or not requirement.specifier.contains(pinned.version):
            found.append(f"{text} is not what {one[0]} is")
    return found


def _all_sha256(hashes: set[str]) -> bool:
    return bool(hashes) and all(re.fullmatch(r"sha256:[0-9a-f]{64}", one.strip()) for one in hashes)


def wanted_by_the_project() -> list[str]:
    """What the package and its three clouds ask for."""
    project = _PROJECT["project"]
    return [*project["dependencies"], *(one for extra in _EXTRAS for one in project["optional-dependencies"][extra])]


def test_the_locks_are_what_the_project_asks_for() -> None:
    """Each package that pyproject.toml names is there, once, in a version that it allows, with its hashes."""
    assert [] == complaints((_LOCKS / "clouds.txt").read_text(), wanted_by_the_project())
    assert [] == complaints((_LOCKS / "build.txt").read_text(), _PROJECT["build-system"]["requires"])


@pytest.mark.parametrize(
    ("pattern", "change", "message"),
    [
        (r"(?m)^obstore==.*$", "obstore==0.1.0 \\\\", "is not what obstore==0.1.0 is"),
        (r"(?m)^cffi==", "cffy==", "cffi>=2.0 is not there"),
        (r"(?m)^(click==\S+).*\n(?:    --hash.*\n)+", r"\1\n", "click has no SHA-256"),
    ],
)
def test_a_lock_that_is_wrong(pattern: str, change: str, message: str) -> None:
    """Another version, a missing package and a missing hash are found."""
    lock = (_LOCKS / "clouds.txt").read_text()
    spoilt = re.sub(pattern, change, lock)
    assert spoilt != lock
    assert message in " ".join(complaints(spoilt, wanted_by_the_project()))


def test_the_bill_of_materials() -> None:
    """It keeps the schema of CycloneDX, and lists the packages of the lock, with their versions and hashes."""
    environment = {"VENV": str(Path(sys.prefix)), "PATH": "/usr/bin:/bin"}
    command = [str(ROOT / "packaging" / "sbom")]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(told) is None
    bill = json.loads(told)
    assert _PROJECT["project"]["version"] == bill["metadata"]["component"]["version"]
    packages = locked((_LOCKS / "clouds.txt").read_text())
    expected = {(name, str(one[0].specifier).removeprefix("==")) for name, one in packages.items()}
    assert expected == {(canonicalize_name(one["name"]), one["version"]) for one in bill["components"]}
    for component in bill["components"]:
        hashes = {f"sha256:{one['content']}" for one in _hashes(component)}
        assert packages[canonicalize_name(component["name"])][1] == hashes


def _hashes(component: dict[str, Any]) -> list[dict[str, str]]:
    """Of all files that a component is distributed as."""
    found = list(component.get("hashes", ()))
    for reference in component.get("externalReferences", ()):
        found += reference.get("hashes", ())
    return found
