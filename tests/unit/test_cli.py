from __future__ import annotations

import json
import re
import sysconfig
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from storage_plugins.adapters.local import LocalStore
from storage_plugins.cli import main
from storage_plugins.errors import RangeInvalid

UUID = "f4247d92-1ea6-4f8b-bc62-e3a6fa24c6df"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration file for a folder of the test."""
    path = tmp_path / "orthanc.json"
    path.write_text(json.dumps({"StoragePlugins": {"Options": {"Path": str(tmp_path / "files"), "Sync": False}}}))
    return path


def run(*arguments: object) -> Result:
    """The command with these arguments."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_objects(config: Path, tmp_path: Path) -> None:
    """put, ls, stat, get and rm work on the configured store, by key and by uuid."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"abc" * 1000)
    key = f"f4/24/{UUID}"

    assert 0 == run("put", "-c", config, source, key).exit_code
    assert source.read_bytes() == (tmp_path / "files" / key).read_bytes()
    assert key in run("ls", "-c", config).output
    assert "3.0 kB" in run("stat", "-c", config, UUID).output
    assert 0 == run("get", "-c", config, UUID, target).exit_code
    assert source.read_bytes() == target.read_bytes()
    assert 0 == run("rm", "-c", config, "--yes", UUID).exit_code
    assert not (tmp_path / "files" / key).exists()


def test_put_does_not_replace(config: Path, tmp_path: Path) -> None:
    """An object that exists is kept unless it is to be replaced."""
    file = tmp_path / "source"
    file.write_bytes(b"new")
    run("put", "-c", config, file, "a")

    result = run("put", "-c", config, file, "a")

    assert 1 == result.exit_code
    assert "there is an object 'a' already: --replace replaces it" in result.output
    assert 0 == run("put", "-c", config, "--replace", file, "a").exit_code


def test_rm_asks(config: Path, tmp_path: Path) -> None:
    """Without --yes nothing is removed until it was confirmed."""
    file = tmp_path / "source"
    file.write_bytes(b"x")
    run("put", "-c", config, file, "a")

    assert 1 == CliRunner().invoke(main, ["rm", "-c", str(config), "a"], input="n\n").exit_code
    assert (tmp_path / "files" / "a").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("stat", UUID), f"there is no attachment {UUID} (looked for f4/24/{UUID})"),
        (("get", "a/b"), "cannot stat object 'a/b': No such file or directory"),
        (("get", "../b"), "cannot be the key of an object"),
    ],
)
def test_errors_are_one_line(config: Path, arguments: tuple[str, ...], message: str) -> None:
    """A wrong name ends the command with its message and exit status 1."""
    result = run(arguments[0], "-c", config, *arguments[1:])
    assert 1 == result.exit_code
    assert message in result.output
    assert 1 == len(result.output.splitlines())


def test_check(config: Path, tmp_path: Path) -> None:
    """`check` keeps a table, leaves nothing behind and tells by its exit status."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "mine").write_bytes(b"")

    result = run("check", "-c", config, "--largest", 1)

    assert 0 == result.exit_code, result.output
    assert "22 of 22 promises kept" in result.output
    for verb in ("write", "read", "read a range", "delete"):
        assert re.search(rf"^│ {verb} +│ +[\d.]+ │ +[\d.]+ │ +[\d.]+ │$", result.output, re.MULTILINE)
    assert ["mine"] == [path.name for path in (tmp_path / "files").rglob("*") if path.is_file()]


def test_check_fails_on_a_store_that_lies(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that gives zeros where bytes are missing does not pass."""
    real = LocalStore.read_range

    def lie(store: LocalStore, key: str, start: int, target: memoryview) -> None:
        with suppress(RangeInvalid):
            real(store, key, start, target)

    monkeypatch.setattr(LocalStore, "read_range", lie)
    result = run("check", "-c", config, "--largest", 1)
    assert 1 == result.exit_code
    assert "ranges past the end are refused" in result.output


def test_check_of_a_read_only_archive(config: Path, tmp_path: Path) -> None:
    """Nothing is written."""
    values = json.loads(config.read_text()) | {"ReadOnly": True}
    config.write_text(json.dumps(values))

    result = run("check", "-c", config)

    assert 0 == result.exit_code, result.output
    assert "│ read " in result.output
    assert "write" not in result.output.partition("ReadOnly is set")[0]
    assert [] == [path for path in (tmp_path / "files").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("url", "section"),
    [
        ("s3://b", {"Backend": "s3", "Options": {"Bucket": "b"}}),
        ("s3://b/archive/a/", {"Backend": "s3", "Options": {"Bucket": "b"}, "Prefix": "archive/a"}),
        ("gs://b/a", {"Backend": "gcs", "Options": {"Bucket": "b"}, "Prefix": "a"}),
        ("az://images@me/a", {"Backend": "azure", "Options": {"Account": "me", "Container": "images"}, "Prefix": "a"}),
        (
            "abfss://images@me.dfs.core.windows.net",
            {"Backend": "azure", "Options": {"Account": "me", "Container": "images"}},
        ),
        (
            "https://me.blob.core.windows.net/images/a/b",
            {"Backend": "azure", "Options": {"Account": "me", "Container": "images"}, "Prefix": "a/b"},
        ),
        ("/srv/files", {"Backend": "local", "Options": {"Path": "/srv/files"}}),
        ("file:///srv/files", {"Backend": "local", "Options": {"Path": "/srv/files"}}),
        ("sftp://me@host/x", {"Backend": "fsspec", "Options": {"Url": "sftp://me@host/x"}}),
    ],
)
def test_config(url: str, section: dict[str, object]) -> None:
    """`config` prints a configuration that Orthanc takes as it is."""
    printed = json.loads(run("config", url).stdout)
    assert section == printed["StoragePlugins"]
    assert printed["Plugins"][0].endswith("/libOrthancStoragePlugins.so")


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("s3://", "s3://BUCKET/PREFIX"),
        ("gs:///a", "gs://BUCKET/PREFIX"),
        ("az://images", "az://CONTAINER@ACCOUNT/PREFIX"),
        ("https://me.blob.core.windows.net/", "az://CONTAINER@ACCOUNT/PREFIX"),
    ],
)
def test_config_needs_a_whole_url(url: str, form: str) -> None:
    """What is missing is said."""
    result = run("config", url)
    assert 1 == result.exit_code
    assert f"Error: {url} is not complete: expected {form}\n" == result.output


def test_build(tmp_path: Path) -> None:
    """`build` prints the path of the plugin and the line for Orthanc's configuration."""
    result = run("build", "--output", tmp_path / "plugin.so")
    assert [str(tmp_path / "plugin.so"), f'In Orthanc\'s configuration: "Plugins": ["{tmp_path}/plugin.so"]'] == (
        result.output.splitlines()
    )
    assert (tmp_path / "plugin.so").exists()


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [("CC", "no-such-compiler", "no C compiler (no-such-compiler)"), ("CFLAGS", "-nonsense", "the C compiler failed")],
)
def test_build_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    """A build that cannot work ends in a sentence, and leaves an older plugin alone."""
    monkeypatch.setenv(variable, value)
    result = run("build", "--output", tmp_path / "plugin.so")
    assert 1 == result.exit_code
    assert message in result.output
    assert [] == list(tmp_path.iterdir())


def test_build_without_shared_libpython(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python without a shared libpython is told in one line what to do."""
    real = sysconfig.get_config_var
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: 0 if name == "Py_ENABLE_SHARED" else real(name))
    result = run("build", "--output", tmp_path / "plugin.so")
    assert 1 == result.exit_code
    assert "has no shared libpython, which a plugin needs to embed Python." in result.output
    assert 1 == len(result.output.splitlines())
