"""What the log says of a configuration that cannot be used, word for word."""

from __future__ import annotations

from typing import Any

import pytest

from tests.native.host import FakeHost

END = "Orthanc does not start with a storage area that does not work"
KEYS = (
    "Valid keys: Backend, Options, Layout, Prefix, HybridMode, EnableLegacyUnknownFiles, "
    "StorageEncryption, ReadOnly, Workers, StopTimeout, Preflight, Retry, CircuitBreaker, Cache, WriteBehind, "
    "DelayedDeletion"
)
BACKENDS = "Known backends: local, memory, s3, azure, gcs, fsspec, faulty, untouched-files."

WRONG: dict[str, tuple[Any, str]] = {
    "unknown key": (
        {"Backend": "memory", "Worker": 4},
        f'StoragePlugins.Worker: unknown key; did you mean "Workers"? {KEYS}',
    ),
    "unknown key that is like none": (
        {"Backend": "memory", "Xyzzy": 4},
        f"StoragePlugins.Xyzzy: unknown key. {KEYS}",
    ),
    "unknown option": (
        {"Options": {"Paht": "/nowhere"}},
        'StoragePlugins.Options.Paht: unknown key; did you mean "Path"? Valid keys: Path, Sync.',
    ),
    "option of another backend": (
        {"Backend": "memory", "Options": {"Path": "/nowhere"}},
        "StoragePlugins.Options.Path: unknown key. Valid keys: none.",
    ),
    "wrong type": (
        {"Backend": "memory", "Workers": "many"},
        "StoragePlugins.Workers: must be a valid integer, found a string.",
    ),
    "out of range": (
        {"Backend": "memory", "Workers": 0},
        "StoragePlugins.Workers: must be greater than or equal to 1, found a number.",
    ),
    "missing value": (
        {"Backend": None},
        "StoragePlugins.Backend: must be a valid string, found null.",
    ),
    "empty path": (
        {"Options": {"Path": ""}},
        "StoragePlugins.Options.Path: must not be empty.",
    ),
    "two faults": (
        {"Backend": "memory", "Workers": "many", "Prefix": 5},
        (
            "StoragePlugins.Prefix: must be a valid string, found a number; "
            "StoragePlugins.Workers: must be a valid integer, found a string."
        ),
    ),
    "not an object": (
        "memory",
        "StoragePlugins: must be an object, found a string.",
    ),
    "null": (
        None,
        "StoragePlugins: must be an object, found null.",
    ),
    "an array": (
        [],
        "StoragePlugins: must be an object, found an array.",
    ),
    "unknown backend": (
        {"Backend": "memroy"},
        f'StoragePlugins.Backend: there is no backend "memroy"; did you mean "memory"? {BACKENDS}',
    ),
    "prefix that leaves the root": (
        {"Backend": "memory", "Prefix": "a/../b"},
        (
            "StoragePlugins.Prefix: 'a/../b' cannot be the key of an object: "
            'it has an empty segment, or one that is "." or "..".'
        ),
    ),
}


@pytest.mark.parametrize(("section", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_section_refuses_the_start(host: FakeHost, section: Any, message: str) -> None:
    """The one line of the log names the key and what to write; nothing is registered."""
    outcome = host.run([], section)

    assert (-1, "none") == (outcome.one("initialize")["code"], outcome.one("initialize")["area"])
    assert [message.removesuffix("."), END] == outcome.texts()
    assert (0, "") == (outcome.status, outcome.noise)


def test_a_misspelt_section_refuses_the_start(host: FakeHost) -> None:
    """Who writes "StoragePlugin" does not want Orthanc's own disk storage."""
    outcome = host.run([], configuration={"StoragePlugin": {"Backend": "memory"}})

    assert (-1, "none") == (outcome.one("initialize")["code"], outcome.one("initialize")["area"])
    assert [
        'unknown section "StoragePlugin" in Orthanc\'s configuration: did you mean "StoragePlugins"?',
        END,
    ] == outcome.texts("E")
    assert 0 == outcome.status


def test_without_a_section_orthanc_keeps_its_own_storage(host: FakeHost) -> None:
    """A plugin that is loaded and not configured does nothing, and says so."""
    outcome = host.run(["metrics"], configuration={"Name": "Orthanc", "StorageDirectory": "/nowhere"})

    assert (0, "none") == (outcome.one("initialize")["code"], outcome.one("initialize")["area"])
    assert ['The configuration has no section "StoragePlugins": Orthanc keeps using its own storage'] == outcome.texts()
    assert {} == outcome.one("metrics")["values"]
    assert (0, 0) == (outcome.status, outcome.one("end")["leaked_strings"])


def test_a_relative_path_starts_at_the_folder_of_the_configuration(host: FakeHost) -> None:
    """As Orthanc's own relative paths do, wherever the process was started."""
    outcome = host.run(
        ["create 00000000-0000-4000-8000-000000000000 1 61 1"], {"Options": {"Path": "below/here", "Sync": False}}
    )

    assert [0] == outcome.codes
    assert 1 == len(list((host.folder / "below" / "here" / "00" / "00").iterdir()))


def test_a_folder_that_cannot_be_written_refuses_the_start(host: FakeHost) -> None:
    """Better no start than an error for each file."""
    (host.folder / "file").write_text("not a folder")
    outcome = host.run([], {"Options": {"Path": "file/root"}})
    text, _end = outcome.texts("E")

    assert (-1, "none") == (outcome.one("initialize")["code"], outcome.one("initialize")["area"])
    assert text.startswith(f"cannot write files below {host.folder}/file/root: Not a directory. ")
