"""What the tests of the plugin share. A missing compiler is a failure, not a skip."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.native.host import Environment, FakeHost, build_host


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment in which the backends of backends.py are installed."""
    return Environment(tmp_path_factory.mktemp("environment") / "venv")


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The host."""
    return build_host(tmp_path_factory.mktemp("host") / "fake-orthanc")


@pytest.fixture(scope="session")
def plugin(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin, built for `environment`."""
    return environment.build_plugin(tmp_path_factory.mktemp("plugin") / "libOrthancStoragePlugins.so")


@pytest.fixture
def host(program: Path, plugin: Path, tmp_path: Path) -> FakeHost:
    """The plugin in the host."""
    return FakeHost(program, plugin, tmp_path)
