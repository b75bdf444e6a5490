from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from storage_plugins import compose
from storage_plugins.adapters.local import LocalOptions
from storage_plugins.config.orthanc import OrthancConfiguration
from storage_plugins.config.section import Section
from storage_plugins.config.validate import validate
from storage_plugins.errors import ConfigInvalid
from storage_plugins.keys import Layout


def configuration(values: dict[str, Any], folder: str = "/etc/orthanc") -> OrthancConfiguration:
    """Orthanc's configuration with these values."""
    return OrthancConfiguration(values, folder)


def local_options(values: dict[str, Any]) -> LocalOptions:
    """The options of the local backend in this configuration."""
    options = compose.plan(configuration(values)).options
    assert isinstance(options, LocalOptions)
    return options


def test_an_empty_section_is_orthancs_own_storage() -> None:
    """Defaults adopt the folder that Orthanc's built-in storage uses."""
    plan = compose.plan(configuration({"StoragePlugins": {}}))

    assert ("local", Layout.LEGACY, "", 16) == (
        plan.section.backend, plan.naming.layout, plan.naming.prefix, plan.section.workers,
    )  # fmt: skip
    assert ("/etc/orthanc/OrthancStorage", True) == (plan.options.path, plan.options.sync)  # type: ignore[attr-defined]


def test_global_keys_of_orthanc() -> None:
    """StorageDirectory and SyncStorageArea are followed; relative paths start at the configuration."""
    options = local_options({"StoragePlugins": {}, "StorageDirectory": "db", "SyncStorageArea": False})
    assert ("/etc/orthanc/db", False) == (options.path, options.sync)


def test_options_win_over_global_keys() -> None:
    """What the section says goes before what Orthanc says."""
    section = {"Options": {"Path": "/srv/x/../files", "Sync": True}}
    options = local_options({"StoragePlugins": section, "StorageDirectory": "db", "SyncStorageArea": False})
    assert ("/srv/files", True) == (options.path, options.sync)


def test_a_wrong_global_key_is_named() -> None:
    """A global key of the wrong type is refused as well."""
    with pytest.raises(ConfigInvalid, match=r"Options\.Sync: must be a valid boolean, found a string"):
        local_options({"StoragePlugins": {}, "SyncStorageArea": "yes"})


def test_all_faults_in_one_message() -> None:
    """An administrator need not find them one start at a time."""
    with pytest.raises(ConfigInvalid) as caught:
        compose.plan(configuration({"StoragePlugins": {"Workers": True, "Prefx": "a"}}))
    assert "StoragePlugins.Workers: must be a valid integer, found a boolean" in str(caught.value)
    assert 'StoragePlugins.Prefx: unknown key; did you mean "Prefix"?' in str(caught.value)


@pytest.mark.parametrize("value", ["hunter2secret", ["hunter2secret"], {"a": "hunter2secret"}])
def test_messages_hold_no_values(value: Any) -> None:
    """Whatever stands in the wrong place may be a secret."""
    for key in set(Section.model_json_schema()["properties"]) - {"Backend"}:
        with pytest.raises(ConfigInvalid) as caught:
            compose.plan(configuration({"StoragePlugins": {key: value, "Unknown": value}}))
        assert "hunter2secret" not in str(caught.value)


def test_orthancs_file_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Comments and ${VARIABLES} are understood, and a folder of files is one configuration, as in Orthanc."""
    monkeypatch.setenv("ARCHIVE", "/srv/archive")
    (tmp_path / "a.json").write_text('{ // comment\n "StorageDirectory": "${ARCHIVE}/db" /* more */ }')
    (tmp_path / "b.json").write_text('{ "StoragePlugins": { "Workers": ${WORKERS:-3} } }')
    (tmp_path / "c.txt").write_text("not read")

    plan = compose.plan(OrthancConfiguration.from_file(tmp_path))

    assert (3, "/srv/archive/db") == (plan.section.workers, plan.options.path)  # type: ignore[attr-defined]


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    """The message tells the file."""
    path = tmp_path / "orthanc.json"
    path.write_text("{ nonsense")
    with pytest.raises(ConfigInvalid, match=f"cannot read the configuration {path}"):
        OrthancConfiguration.from_file(path)


@pytest.mark.parametrize(
    ("path", "folder"),
    [("/etc/orthanc.json", "/etc"), ("/etc", "/etc"), ("", str(Path.cwd())), ("x.json", str(Path.cwd()))],
)
def test_the_folder_of_the_configuration(path: str, folder: str) -> None:
    """Relative paths start where Orthanc lets them start: at the file's folder, the folder, or the working folder."""
    assert folder == OrthancConfiguration.from_host("{}", path).folder


@pytest.mark.parametrize("name", ["StoragePlugin", "storageplugins", "StoragesPlugins", "StoragePlugIns"])
def test_a_section_that_is_nearly_ours(name: str) -> None:
    """It is refused: passing over it would store files elsewhere."""
    with pytest.raises(ConfigInvalid, match=f'unknown section "{name}".*did you mean "StoragePlugins"'):
        configuration({name: {}}).has_section()


@pytest.mark.parametrize(
    "name", ["StorageDirectory", "StorageCompression", "Plugins", "OrthancCloudStorage", "PostgreSQL"]
)
def test_other_sections_are_not_ours(name: str) -> None:
    """Orthanc's own keys are no misspelling."""
    assert not configuration({name: {}}).has_section()


def test_models_are_silent() -> None:
    """The text form of options that may hold secrets does not show them."""
    section = validate(Section, {"Options": {"Url": "hunter2secret"}}, "StoragePlugins", configuration({}))
    assert "hunter2secret" not in repr(section)
    assert "hunter2secret" not in json.dumps(str(section))
