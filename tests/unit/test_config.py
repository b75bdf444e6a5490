from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from storage_plugins import compose
from storage_plugins.adapters.local import LocalOptions
from storage_plugins.config.layers import (
    CacheOptions,
    CircuitBreakerOptions,
    DelayedDeletionOptions,
    WriteBehindOptions,
)
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


def test_a_key_in_two_files(tmp_path: Path) -> None:
    """Orthanc refuses to start with it, so nobody may think that it works."""
    for name in "ab":
        (tmp_path / f"{name}.json").write_text('{ "Plugins": [] }')
    with pytest.raises(ConfigInvalid, match=f'{tmp_path}/b.json: "Plugins" is in another file'):
        OrthancConfiguration.from_file(tmp_path)


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


FULL: dict[str, dict[str, Any]] = {
    "Cache": {"Path": "/srv/cache", "MaximumSize": 1000},
    "WriteBehind": {"Path": "/srv/spool", "MaximumSize": 1000},
    "DelayedDeletion": {"Path": "/srv/deletions"},
    "CircuitBreaker": {},
    "Retry": {},
}
"""Each layer with what it must have."""


def over_s3(**layers: Any) -> compose.Plan:
    """The plan of layers over a bucket."""
    return compose.plan(
        configuration({"StoragePlugins": {"Backend": "s3", "Options": {"Bucket": "archive"}, **layers}})
    )


WRONG = [
    ("Cache", "Path", 1, "must be a valid string, found a number"),
    ("Cache", "Path", "", "must not be empty"),
    ("Cache", "MaximumSize", "1000", "must be a valid integer, found a string"),
    ("Cache", "MaximumSize", 0, "must be greater than 0, found a number"),
    ("Cache", "HeaderSize", 1.5, "must be a valid integer, found a number"),
    ("Cache", "HeaderSize", -1, "must be greater than or equal to 0, found a number"),
    ("Cache", "HeaderSize", 65537, "must be less than or equal to 65536, found a number"),
    ("Cache", "WriteThrough", "yes", "must be a valid boolean, found a string"),
    ("WriteBehind", "Path", None, "must be a valid string, found null"),
    ("WriteBehind", "Path", "", "must not be empty"),
    ("WriteBehind", "MaximumSize", True, "must be a valid integer, found a boolean"),
    ("WriteBehind", "MaximumSize", 0, "must be greater than 0, found a number"),
    ("WriteBehind", "WaitForRoom", "20", "must be a valid number, found a string"),
    ("WriteBehind", "WaitForRoom", -0.1, "must be greater than or equal to 0, found a number"),
    ("WriteBehind", "WaitForRoom", 3601, "must be less than or equal to 3600, found a number"),
    ("WriteBehind", "Uploaders", "4", "must be a valid integer, found a string"),
    ("WriteBehind", "Uploaders", 0, "must be greater than or equal to 1, found a number"),
    ("WriteBehind", "Uploaders", 65, "must be less than or equal to 64, found a number"),
    ("WriteBehind", "LongestWait", [], "must be a valid number, found an array"),
    ("WriteBehind", "LongestWait", 0, "must be greater than 0, found a number"),
    ("WriteBehind", "LongestWait", 3601, "must be less than or equal to 3600, found a number"),
    ("WriteBehind", "DrainTimeout", {}, "must be a valid number, found an object"),
    ("WriteBehind", "DrainTimeout", -1, "must be greater than or equal to 0, found a number"),
    ("WriteBehind", "DrainTimeout", 3601, "must be less than or equal to 3600, found a number"),
    ("DelayedDeletion", "Path", {}, "must be a valid string, found an object"),
    ("DelayedDeletion", "Path", "", "must not be empty"),
    ("DelayedDeletion", "KeepFor", "24", "must be a valid number, found a string"),
    ("DelayedDeletion", "KeepFor", -1, "must be greater than or equal to 0, found a number"),
    ("DelayedDeletion", "KeepFor", 87601, "must be less than or equal to 87600, found a number"),
    ("DelayedDeletion", "BatchSize", 1.5, "must be a valid integer, found a number"),
    ("DelayedDeletion", "BatchSize", 0, "must be greater than or equal to 1, found a number"),
    ("DelayedDeletion", "BatchSize", 1001, "must be less than or equal to 1000, found a number"),
    ("DelayedDeletion", "LongestWait", None, "must be a valid number, found null"),
    ("DelayedDeletion", "LongestWait", 0, "must be greater than 0, found a number"),
    ("DelayedDeletion", "LongestWait", 3601, "must be less than or equal to 3600, found a number"),
    ("CircuitBreaker", "Failures", "5", "must be a valid integer, found a string"),
    ("CircuitBreaker", "Failures", -1, "must be greater than or equal to 0, found a number"),
    ("CircuitBreaker", "Failures", 1001, "must be less than or equal to 1000, found a number"),
    ("CircuitBreaker", "ProbeEvery", True, "must be a valid number, found a boolean"),
    ("CircuitBreaker", "ProbeEvery", 0, "must be greater than 0, found a number"),
    ("CircuitBreaker", "ProbeEvery", 3601, "must be less than or equal to 3600, found a number"),
]


@pytest.mark.parametrize(("layer", "key", "value", "message"), WRONG)
def test_a_wrong_key_of_a_layer_is_named(layer: str, key: str, value: Any, message: str) -> None:
    """Type and range of each: one message, with the path of the key."""
    with pytest.raises(ConfigInvalid) as caught:
        over_s3(**{layer: {**FULL[layer], key: value}})
    assert f"StoragePlugins.{layer}.{key}: {message}" == str(caught.value)


def test_every_key_of_the_layers_is_tried() -> None:
    """The table above leaves none out."""
    known = {
        (name, str(field.alias))
        for name, model in (
            ("Cache", CacheOptions),
            ("WriteBehind", WriteBehindOptions),
            ("DelayedDeletion", DelayedDeletionOptions),
            ("CircuitBreaker", CircuitBreakerOptions),
        )
        for field in model.model_fields.values()
    }
    assert known == {(layer, key) for layer, key, _, _ in WRONG}


@pytest.mark.parametrize(
    ("layer", "key", "close", "valid"),
    [
        ("Cache", "MaxSize", "MaximumSize", "Path, MaximumSize, HeaderSize, WriteThrough"),
        (
            "WriteBehind",
            "Uploader",
            "Uploaders",
            "Path, MaximumSize, WaitForRoom, Uploaders, LongestWait, DrainTimeout",
        ),
        ("DelayedDeletion", "Keepfor", "KeepFor", "Path, KeepFor, BatchSize, LongestWait"),
        ("CircuitBreaker", "Failure", "Failures", "Failures, ProbeEvery"),
        ("Retry", "Atempts", "Attempts", "Attempts, Deadline, FirstWait, LongestWait"),
    ],
)
def test_an_unknown_key_of_a_layer(layer: str, key: str, close: str, valid: str) -> None:
    """The hint is a key of that layer, and so are the valid ones."""
    with pytest.raises(ConfigInvalid) as caught:
        over_s3(**{layer: {**FULL[layer], key: 1}})
    assert f'StoragePlugins.{layer}.{key}: unknown key; did you mean "{close}"? Valid keys: {valid}' == str(
        caught.value
    )


@pytest.mark.parametrize(
    ("layer", "key", "what_for"),
    [
        ("Cache", "Path", "Folder of the cache, for this Orthanc alone."),
        ("Cache", "MaximumSize", "MB. What was not read for the longest time goes first."),
        ("WriteBehind", "Path", "Folder of what is to be uploaded, for this Orthanc alone,"),
        ("WriteBehind", "MaximumSize", "MB. When so much is pending, writes wait for room."),
        ("DelayedDeletion", "Path", "Folder of the record, for this Orthanc alone,"),
    ],
)
def test_a_missing_key_of_a_layer(layer: str, key: str, what_for: str) -> None:
    """The message tells which one, and what it is for, in one line."""
    with pytest.raises(ConfigInvalid) as caught:
        over_s3(**{layer: {name: value for name, value in FULL[layer].items() if name != key}})
    assert str(caught.value).startswith(f"StoragePlugins.{layer}.{key}: missing. It is required: {what_for}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("layer", FULL)
def test_a_layer_is_an_object(layer: str) -> None:
    """`true` is no configuration of a layer."""
    with pytest.raises(ConfigInvalid, match=rf"^StoragePlugins\.{layer}: must be an object, found a boolean$"):
        over_s3(**{layer: True})


@pytest.mark.parametrize(("one", "other"), list(combinations(["Cache", "WriteBehind", "DelayedDeletion"], 2)))
def test_layers_share_no_folder(one: str, other: str) -> None:
    """However the path is written."""
    layers = {one: FULL[one] | {"Path": "/etc/orthanc/x"}, other: FULL[other] | {"Path": "../orthanc/x"}}
    with pytest.raises(ConfigInvalid, match=rf"{other}\.Path is the folder of {one}: give each a folder of its own"):
        over_s3(**layers)


@pytest.mark.parametrize("layer", ["Cache", "WriteBehind", "DelayedDeletion"])
@pytest.mark.parametrize("backend", ["local", "memory"])
def test_layers_are_for_storage_behind_a_network(layer: str, backend: str) -> None:
    """What is here already gains nothing by a disk before it."""
    section = {"Backend": backend, layer: FULL[layer]}
    message = f"^StoragePlugins.{layer}: needs a backend behind a network, and {backend} is not one$"
    with pytest.raises(ConfigInvalid, match=message):
        compose.plan(configuration({"StoragePlugins": section}))


def test_layers_with_all_that_they_need() -> None:
    """Relative folders start at the configuration."""
    plan = over_s3(**FULL | {"Cache": {"Path": "cache", "MaximumSize": 5}})
    assert plan.section.cache is not None
    assert ("/etc/orthanc/cache", 5) == (plan.section.cache.path, plan.section.cache.maximum_size)
