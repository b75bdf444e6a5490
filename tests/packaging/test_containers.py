"""Dockerfile and compose file: linted, and their steps carried out in a fresh Debian."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.packaging import debian
from tests.packaging.conftest import ROOT
from tests.packaging.containers import PostgresService, Service
from tests.packaging.debian import Machine
from tests.packaging.dockerfile import Builder, Image, context
from tests.packaging.test_quickstart import exercise

_PACKAGING = ROOT / "packaging"
_BIN = Path(sys.executable).parent


def lint(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What a linter of this environment says."""
    command = [str(_BIN / program), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def hadolint(file: Path) -> subprocess.CompletedProcess[str]:
    """Of a Dockerfile."""
    return lint("hadolint", "--config", _PACKAGING / ".hadolint.yaml", file)


def check_compose(file: Path) -> subprocess.CompletedProcess[str]:
    """Of a compose file."""
    return lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)


def compose() -> dict[str, Any]:
    """The compose file."""
    return dict(YAML(typ="safe").load(_PACKAGING / "compose.yaml"))


def test_the_linters_are_content() -> None:
    """With Dockerfile and compose file."""
    for said in (hadolint(_PACKAGING / "Dockerfile"), check_compose(_PACKAGING / "compose.yaml")):
        assert 0 == said.returncode, said.stdout + said.stderr


@pytest.mark.parametrize(
    ("line", "fault"),
    [("FROM debian:12-slim AS build", "FROM debian:latest AS build"), ("WORKDIR /src", "RUN cd /src")],
)
def test_a_dockerfile_that_is_wrong(tmp_path: Path, line: str, fault: str) -> None:
    """The linter finds a moving base and a step without effect."""
    text = (_PACKAGING / "Dockerfile").read_text()
    assert line in text
    spoilt = tmp_path / "Dockerfile"
    spoilt.write_text(text.replace(line, fault))
    assert 0 != hadolint(spoilt).returncode


def test_a_compose_file_that_is_wrong(tmp_path: Path) -> None:
    """The schema finds a misspelt key."""
    spoilt = tmp_path / "compose.yaml"
    spoilt.write_text((_PACKAGING / "compose.yaml").read_text().replace("    restart:", "    restrat:"))
    said = check_compose(spoilt)
    assert 1 == said.returncode
    assert "restrat" in said.stdout


def test_nothing_is_open_and_nothing_is_secret() -> None:
    """Ports are published on loopback, no variable holds a secret, and every image but ours has a tag and a check."""
    services = compose()["services"]
    for name, service in services.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        variables = service.get("environment", {})
        secret = [one for one in variables if "PASSWORD" in one or "SECRET" in one or "KEY" in one]
        assert all(one.endswith("_FILE") and variables[one].startswith("/run/secrets/") for one in secret)
        if name != "orthanc":
            assert service["image"].rpartition(":")[2] not in {"", "latest"}
            assert "healthcheck" in service
    assert compose()["networks"]["back"]["internal"]


def test_secrets_are_made_once(tmp_path: Path) -> None:
    """A second run changes nothing; nobody else may enter the folder; no two installations share a secret."""
    folders = [tmp_path / "one", tmp_path / "two"]
    made = []
    for folder in folders:
        debian.copy(_PACKAGING / "make-secrets", folder / "make-secrets")
        for _ in range(2):
            subprocess.run([str(folder / "make-secrets")], check=True)
            made.append({path.name: path.read_text() for path in (folder / "secrets").iterdir()})
        assert 0o700 == (folder / "secrets").stat().st_mode & 0o777
    assert made[0] == made[1]
    assert made[0].keys() == {Path(one["file"]).name for one in compose()["secrets"].values()}
    assert not set(made[0].values()) & set(made[2].values())


@pytest.mark.timeout(900)  # a registry may be slow
def test_the_image_in_the_compose_file(fresh: Path, tmp_path: Path) -> None:
    """Built as the Dockerfile says, and run as the compose file says, Orthanc stores in SeaweedFS and PostgreSQL."""
    source = debian.checkout(ROOT, tmp_path / "source")
    sent = context(source, source / "packaging" / "Dockerfile.dockerignore", tmp_path / "context")
    image = Builder(fresh, sent, tmp_path / "stages").build((source / "packaging" / "Dockerfile").read_text())
    subprocess.run([str(source / "packaging" / "make-secrets")], check=True)
    with Machine(image.layer) as machine:
        _mount(machine, image, source / "packaging")
        _check_without_password(machine, image)
        _check_without_compiler(machine)
        _run(machine, image, source / "packaging", tmp_path)


def _mount(machine: Machine, image: Image, packaging: Path) -> None:
    """Configurations, secrets, volumes and names, as the runtime of containers does; the rest becomes read-only."""
    described = compose()
    service = described["services"]["orthanc"]
    for one in service["configs"]:
        debian.copy(packaging / described["configs"][one["source"]]["file"], machine.root / one["target"].lstrip("/"))
    for name in service["secrets"]:
        debian.copy(packaging / described["secrets"][name]["file"], machine.root / "run" / "secrets" / name)
    with (machine.root / "etc" / "hosts").open("a") as hosts:
        hosts.write("\n127.0.0.1 postgres seaweedfs\n")
    assert [volume.partition(":")[2] for volume in service["volumes"]] == image.volumes
    assert service["read_only"]
    for folder in image.volumes:
        machine.run(f"mount --bind {folder} {folder}")
    for folder in service["tmpfs"]:
        machine.run(f"mount -t tmpfs tmpfs {folder}")
    machine.run("mount -o remount,bind,ro /")
    for folder in image.volumes:
        machine.run(f"touch {folder}/mine && ! touch /mine 2> /dev/null", user=image.user)


def _check_without_password(machine: Machine, image: Image) -> None:
    """Nobody gets an archive that everybody may read."""
    start = machine.enter([*image.entrypoint, *image.command], variables=image.variables, user=image.user)
    done = subprocess.run(start, capture_output=True, text=True, timeout=60, check=False)
    assert 1 == done.returncode
    assert "set ORTHANC_PASSWORD" in done.stderr


def _check_without_compiler(machine: Machine) -> None:
    """What only the build needs is not in the image."""
    assert "none" == machine.run("command -v gcc cc g++ || echo none").strip()
    assert "none" == machine.run("ls -d /usr/include/python3* /src /build /wheels 2>/dev/null || echo none").strip()


def _run(machine: Machine, image: Image, packaging: Path, folder: Path) -> None:
    services = compose()["services"]
    secrets = packaging / "secrets"
    password = (secrets / "postgres-password").read_text()
    weed = [word.replace("/data", str(folder / "data")) for word in services["seaweedfs"]["command"]]
    weed = [word.replace("/run/secrets", str(secrets)) for word in weed]
    (folder / "data").mkdir()
    health = {
        name: machine.beside(one["healthcheck"]["test"][1:]) for name, one in services.items() if name != "orthanc"
    }
    variables = image.variables | services["orthanc"]["environment"]
    orthanc = Service(
        folder / "orthanc",
        machine.enter([*image.entrypoint, *image.command], variables=variables, user=image.user, folder=image.folder),
        machine.enter(image.health, variables=image.variables, user=image.user),
    )
    keys = configparser.ConfigParser()
    keys.read(secrets / "s3-credentials")
    credentials = (keys["default"]["aws_access_key_id"], keys["default"]["aws_secret_access_key"])
    user = f"orthanc:{(secrets / 'orthanc-password').read_text()}"
    with (
        Service(folder / "seaweedfs", machine.beside([str(_BIN / "weed"), *weed]), health["seaweedfs"]),
        PostgresService(machine, services["postgres"]["environment"], password) as postgres,
    ):
        assert 0 == subprocess.run(health["postgres"], capture_output=True, check=False).returncode
        with orthanc:
            exercise(machine, user, *credentials, "orthanc")
            assert image.ports == [int(port.rpartition(":")[2]) for port in services["orthanc"]["ports"]]
            assert postgres.connections() > 0
            assert 0 == orthanc.end()
