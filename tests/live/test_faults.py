"""A real Orthanc when things go wrong: the status that a client sees, and the line in the log."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from storage_plugins.testing.orthanc import Orthanc
from tests import dicom
from tests.live.conftest import Launch


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A small file system of its own at `folder`."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def the_file(orthanc: Orthanc) -> Path:
    """The only attachment on disk."""
    (found,) = orthanc.storage.rglob("*-*-*-*-*")
    return found


def test_a_missing_file_is_404(orthanc: Orthanc) -> None:
    """Orthanc answers 404, not 500, and the log names the attachment, the operation and the object."""
    instance = orthanc.upload(dicom.sample())
    path = the_file(orthanc)
    path.unlink()

    for what, verb in (("file", "read"), ("tags", "read a range of")):
        answer = orthanc.get(f"/instances/{instance}/{what}")
        assert (404, 13) == (answer.status, answer.json()["OrthancStatus"])
        line = rf"E.* Cannot {verb} attachment '{path.name}' \(content type 1\): .*{path.name}': No such file"
        assert re.search(line, orthanc.log)
    assert 200 == orthanc.delete(f"/instances/{instance}").status


def test_a_truncated_file_is_an_error(orthanc: Orthanc) -> None:
    """A file that has lost its end is refused with "corrupted file", whole and by range: never zeros, never a part."""
    instance = orthanc.upload(dicom.sample())
    os.truncate(the_file(orthanc), 1000)

    for what in ("file", "tags", "attachments/dicom/data"):
        answer = orthanc.get(f"/instances/{instance}/{what}")
        assert (500, 20) == (answer.status, answer.json()["OrthancStatus"])
    assert "has 1000 bytes, but 39206 were stored" in orthanc.log


def test_a_full_disk_is_full_storage(make: Launch, tmp_path: Path) -> None:
    """A full file system gives Orthanc's "full storage" error, loses nothing and leaves nothing behind."""
    with mounted(tmp_path / "small", "size=640k") as small, make({"Options": {"Path": str(small)}}) as orthanc:
        first = dicom.instance(1, pixels=300 << 10)
        kept = orthanc.upload(first)

        answer = orthanc.post("/instances", dicom.instance(2, pixels=400 << 10))

        assert (500, 19) == (answer.status, answer.json()["OrthancStatus"])
        assert "The file storage is full" == answer.json()["OrthancError"]
        assert re.search(r"E.* Cannot create attachment '[-0-9a-f]{36}' .*: No space left on device", orthanc.log)
        assert first == orthanc.get(f"/instances/{kept}/file").body
        assert 1 == len([path for path in small.rglob("*") if path.is_file()])
        assert 200 == orthanc.delete(f"/instances/{kept}").status
        orthanc.upload(dicom.instance(2, pixels=400 << 10))


def test_a_folder_that_cannot_be_written_refuses_the_start(make: Launch, tmp_path: Path) -> None:
    """A read-only file system stops Orthanc's start with one line that names the folder."""
    with mounted(tmp_path / "fixed", "ro,size=1m") as fixed:
        refused(
            make({"Options": {"Path": str(fixed / "files")}}),
            f"cannot write files below {fixed}/files: Read-only file system",
        )


def test_a_file_in_place_of_the_folder_refuses_the_start(make: Launch, tmp_path: Path) -> None:
    """A path below a file stops Orthanc's start."""
    (tmp_path / "file").write_text("")
    refused(make({"Options": {"Path": str(tmp_path / "file")}}), f"cannot write files below {tmp_path}/file")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"Worker": 3}, 'StoragePlugins.Worker: unknown key; did you mean "Workers"? Valid keys: Backend, Options, '),
        ({"Workers": "3"}, "StoragePlugins.Workers: must be a valid integer, found a string"),
        ({"Workers": 0}, "StoragePlugins.Workers: must be greater than or equal to 1, found a number"),
        ({"Layout": "Flat"}, "StoragePlugins.Layout: must be 'flat' or 'legacy', found a string"),
        ({"Prefix": "/a"}, "StoragePlugins.Prefix: '/a' cannot be the key of an object: it has an empty segment"),
        ({"Backend": "locl"}, 'StoragePlugins.Backend: there is no backend "locl"; did you mean "local"?'),
        (
            {"Backend": "fsspec"},
            "StoragePlugins.Options.Url: missing. It is required: Folder of the files as an fsspec URL",
        ),
        (
            {"Options": {"Pth": "/x"}},
            'StoragePlugins.Options.Pth: unknown key; did you mean "Path"? Valid keys: Path, Sync',
        ),
        ({"Options": {"Sync": 1}}, "StoragePlugins.Options.Sync: must be a valid boolean, found a number"),
        ([], "StoragePlugins: must be an object, found an array"),
        ({"Backend": "fsspec", "Options": {"Url": "nope://x"}}, "Protocol not known: nope"),
    ],
)
def test_a_wrong_configuration_refuses_the_start(make: Launch, section: Any, message: str) -> None:
    """Orthanc does not start, and the log says which key, what was expected and what was meant."""
    refused(make(section), message)


def test_a_misspelt_section_refuses_the_start(make: Launch) -> None:
    """A section that is nearly ours is not passed over."""
    orthanc = make(None, plugins=[str(make({}).configuration["Plugins"][0])], StoragePlugin={})
    refused(orthanc, 'unknown section "StoragePlugin" in Orthanc\'s configuration: did you mean "StoragePlugins"?')


def test_no_section_leaves_the_built_in_storage(make: Launch) -> None:
    """Without the section the plugin is idle and says so: a folder of plugins may hold it."""
    with make(None, plugins=make({}).configuration["Plugins"]) as orthanc:
        orthanc.upload(dicom.sample())

        assert 'has no section "StoragePlugins": Orthanc keeps using its own storage' in orthanc.log
        assert not (orthanc.storage / ".incoming").exists()


def test_secrets_are_not_logged(make: Launch) -> None:
    """A password in the configuration reaches neither the log nor an error."""
    options = {"Url": "sftp://archive:hunter2secret@127.0.0.1:1/x", "StorageOptions": {"passphrase": "hunter3secret"}}
    orthanc = make({"Backend": "fsspec", "Options": options})
    refused(orthanc, "cannot open 'sftp://archive:***@127.0.0.1:1/x'")
    assert not re.search("hunter[23]", orthanc.log)


def refused(orthanc: Orthanc, message: str) -> None:
    """Asserts that Orthanc does not start, says `message` as an error, and nothing of a traceback."""
    orthanc.launch()
    assert 0 != orthanc.wait()
    errors = [line for line in orthanc.log.splitlines() if line.startswith("E") and "PluginsManager" in line]
    assert any(message in line for line in errors), orthanc.log
    assert "Traceback" not in orthanc.log
