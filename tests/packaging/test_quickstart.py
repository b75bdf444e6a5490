"""The commands of the quickstart and of the notes on upgrades, taken from the pages, in a fresh Debian."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging import service
from tests.packaging.conftest import ROOT
from tests.packaging.containers import Service
from tests.packaging.debian import Layer, Machine, checkout

_USER = "nobody:needed"  # Debian's Orthanc lets in who comes from the same machine
_ARCHIVE = ("orthanc", "change-me", "archive")


def shell(page: str, section: str) -> list[str]:
    """The blocks of commands of a section."""
    text = (ROOT / "docs" / page).read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def exercise(machine: Machine, *arguments: str) -> None:
    """Stores, reads, compares and deletes in the network of a machine."""
    command = machine.beside([sys.executable, "-m", "tests.packaging.exercise", *arguments])
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False)
    assert 0 == done.returncode, done.stderr[-2000:]


def carry_out(machine: Machine, block: str) -> None:
    """Command by command: those that install are on the network, the others in the machine's own."""
    for command in block.splitlines():
        machine.run(command, folder="/src", online=bool(re.search(r"apt-get|pip install", command)))


def check_messages(machine: Machine) -> None:
    """What the build needs and does not find, it names, with the package to install."""
    needed = {
        "mount --bind /dev/null /usr/bin/cc": ("/usr/bin/cc", "apt-get install gcc libc6-dev"),
        "mount -t tmpfs none /usr/include/orthanc": ("/usr/include/orthanc", "apt-get install orthanc-dev"),
        "mount -t tmpfs none /usr/include/python3.11": ("/usr/include/python3.11", "apt-get install python3-dev"),
    }
    for hide, (hidden, message) in needed.items():
        told = machine.run(f"{hide}; ! /opt/orthanc-storage/bin/orthanc-storage build; umount {hidden}")
        assert message in told


def check_service(machine: Machine, folder: Path) -> None:
    """With the files and rights that the drop-in for systemd leaves, Orthanc stores, and keeps a cache."""
    _state, cache = service.own_folders()
    file = machine.root / "etc" / "orthanc" / "storage-plugins.json"
    values = json.loads(file.read_text())
    values["StoragePlugins"]["Cache"] = {"Path": cache, "MaximumSize": 100}
    file.write_text(json.dumps(values))
    command = machine.enter(["/bin/sh", "-c", service.script("orthanc")])
    with Service(folder / "service", command, machine.enter(["true"])) as orthanc:
        exercise(machine, _USER, *_ARCHIVE)
        assert "index.db" in machine.run(f"ls {cache}").split()
        assert 0 == orthanc.end()


@pytest.mark.timeout(900)  # a registry may be slow
def test_the_quickstart(fresh: Path, tmp_path: Path) -> None:
    """Installed as the page says, three commands make a working archive. An upgrade and the way back keep it so."""
    layer = Layer(tmp_path / "quickstart", fresh)
    checkout(ROOT, layer.changes / "src")
    install, _with_hashes = shell("quickstart.md", "Install")
    (started,) = shell("quickstart.md", "A working archive on SeaweedFS")
    three = [command for command in started.split("\n\n") if command.strip()]
    assert 3 >= len(three)
    upgrade, back = shell("upgrading.md", "A new version of the plugin")
    with Machine(layer) as machine:
        carry_out(machine, install)
        check_messages(machine)
        for command in three:
            machine.run(command, folder="/src")
        exercise(machine, _USER, *_ARCHIVE)
        for block, environment in ((upgrade, "/opt/orthanc-storage-next/"), (back, "/opt/orthanc-storage/")):
            carry_out(machine, block)
            exercise(machine, _USER, *_ARCHIVE)
            loaded = machine.run("cat /proc/$(cat /run/orthanc.pid)/maps")
            assert f"{environment}lib/orthanc/libOrthancStoragePlugins.so" in loaded
        machine.run("service orthanc stop")
        check_service(machine, tmp_path)
