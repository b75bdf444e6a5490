"""A start either works or is refused with a reason: Orthanc must never write to its own disk by mistake."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.native import backends
from tests.native.host import Environment, FakeHost, Outcome, uuid

MEMORY = {"Backend": "memory"}


def assert_refused(outcome: Outcome) -> None:
    """Orthanc is told not to start, has got no storage area, and can end in order."""
    assert (-1, "none", 0) == (outcome.one("initialize")["code"], outcome.one("initialize")["area"], outcome.status)


@pytest.fixture(scope="module")
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment that tests may damage, as long as they repair it."""
    return Environment(tmp_path_factory.mktemp("doomed") / "venv")


@pytest.fixture(scope="module")
def doomed_plugin(doomed: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plugin that was built for it while it was sound."""
    return doomed.build_plugin(tmp_path_factory.mktemp("plugin") / "libOrthancStoragePlugins.so")


@pytest.fixture
def doomed_host(program: Path, doomed_plugin: Path, tmp_path: Path) -> FakeHost:
    """The plugin whose environment tests may damage."""
    return FakeHost(program, doomed_plugin, tmp_path)


@pytest.fixture
def broken_package(doomed: Environment) -> Iterator[None]:
    """The environment has another `storage_plugins`, which cannot be imported."""
    package = doomed.packages / "storage_plugins"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('half an upgrade')\n")
    yield
    shutil.rmtree(package)


@pytest.fixture
def no_packages(doomed: Environment) -> Iterator[None]:
    """The environment has lost all its packages, cffi too."""
    aside = doomed.link.with_suffix(".aside")
    doomed.link.rename(aside)
    yield
    aside.rename(doomed.link)


@pytest.fixture
def no_environment(doomed: Environment) -> Iterator[None]:
    """The environment is gone."""
    aside = doomed.folder.with_name("aside")
    doomed.folder.rename(aside)
    yield
    aside.rename(doomed.folder)


@pytest.mark.usefixtures("broken_package")
def test_a_package_that_cannot_be_imported_refuses_the_start(doomed_host: FakeHost, doomed: Environment) -> None:
    """The reason is in Orthanc's log, and a boot that failed is not taken for success (both have the number 0)."""
    outcome = doomed_host.run([], MEMORY)
    trace, sentence = outcome.texts("E")

    assert_refused(outcome)
    assert trace.startswith("Traceback ")
    assert trace.rstrip().endswith("ImportError: half an upgrade")
    assert f"The Python part of the plugin could not be loaded from the environment of {doomed.python}" == sentence


@pytest.mark.usefixtures("no_packages")
def test_an_environment_without_packages_refuses_the_start(doomed_host: FakeHost, doomed: Environment) -> None:
    """Also when not even the logging of the plugin can be loaded."""
    outcome = doomed_host.run([], MEMORY)

    assert_refused(outcome)
    assert [
        f"The Python part of the plugin could not be loaded from the environment of {doomed.python}"
    ] == outcome.texts("E")


@pytest.mark.usefixtures("no_environment")
def test_an_environment_that_is_gone_refuses_the_start(doomed_host: FakeHost, doomed: Environment) -> None:
    """One line says which environment is missing and what to do."""
    outcome = doomed_host.run([], MEMORY)
    (text,) = outcome.texts("E")

    assert_refused(outcome)
    assert (
        f"Cannot use the Python environment that this plugin was built in ({doomed.python}: No such file or "
        "directory). Give Orthanc's user access to it, or run 'orthanc-storage build' in the environment to use"
    ) == text
    assert "" == outcome.noise


def test_a_sound_environment_starts(doomed_host: FakeHost) -> None:
    """The same plugin works while its environment is whole."""
    outcome = doomed_host.run([], MEMORY)

    assert (0, "v2", 0) == (outcome.one("initialize")["code"], outcome.one("initialize")["area"], outcome.status)
    assert "" == outcome.noise


@pytest.mark.parametrize("fault", ["AccessDenied", "ValueError", "SystemExit", "KeyboardInterrupt", "MemoryError"])
def test_a_backend_that_does_not_open_refuses_the_start(host: FakeHost, fault: str) -> None:
    """Whatever the constructor of a backend raises, Orthanc does not start, and the log tells it."""
    outcome = host.run([], {"Backend": backends.NAME, "Options": {"Start": fault}})
    text = outcome.texts("E")[0]

    assert_refused(outcome)
    assert f"{fault} on purpose" in text


def test_the_environment_of_the_host_does_not_reach_python(host: FakeHost, tmp_path: Path) -> None:
    """Variables that would lead Python astray are ignored: the environment of the build runs."""
    (tmp_path / "storage_plugins.py").write_text("raise ImportError('from PYTHONPATH')\n")
    variables = {
        "PYTHONPATH": str(tmp_path),
        "PYTHONHOME": str(tmp_path),
        "PYTHONSTARTUP": "/nowhere",
        "PATH": "/nowhere",
    }
    outcome = host.run([f"create {uuid(1)} 1 61 4"], MEMORY, environment=variables)

    assert [0] == outcome.codes


def library(folder: Path, name: str) -> Path:
    """A shared library with nothing in it."""
    subprocess.run(
        ["cc", "-shared", f"-Wl,-soname,{name}", "-x", "c", "/dev/null", "-o", str(folder / name)], check=True
    )
    return folder / name


def test_another_python_in_the_process_refuses_the_start(host: FakeHost, tmp_path: Path) -> None:
    """Two Pythons cannot share a process: the message names the other one instead of a crash."""
    other = library(tmp_path, "libpython3.99.so.1.0")
    outcome = host.run([], MEMORY, arguments=["--preload", str(other)])
    (text,) = outcome.texts("E")

    assert_refused(outcome)
    assert text.startswith(f"Another plugin uses {other}, but this plugin was built for Python 3.")


def test_the_forwarder_of_the_stable_interface_is_no_other_python(host: FakeHost, tmp_path: Path) -> None:
    """libpython3.so without a minor number holds no interpreter."""
    forwarder = library(tmp_path, "libpython3.so")
    outcome = host.run([f"create {uuid(1)} 1 61 4"], MEMORY, arguments=["--preload", str(forwarder)])

    assert [0] == outcome.codes


def test_compiled_modules_find_the_symbols_of_python(host: FakeHost) -> None:
    """Orthanc loads plugins with local scope; compiled modules that are not linked with libpython work all the same."""
    outcome = host.run([f"create {uuid(1)} 1 61 4"], {"Backend": backends.NAME, "Options": {"Start": "compiled"}})

    assert [0] == outcome.codes
