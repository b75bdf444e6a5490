"""Which hosts the plugin works in, and what it registers there."""

from __future__ import annotations

import pytest

from tests.native.host import FakeHost, uuid

A = uuid(1)
MEMORY = {"Backend": "memory"}


@pytest.mark.parametrize("version", ["1.9.0", "1.10.1", "1.12.7", "1.13.0", "2.0.0", "mainline"])
def test_a_host_with_ranges_gets_the_second_generation(host: FakeHost, version: str) -> None:
    """From 1.9.0 on Orthanc reads ranges and whole files into memory of its own."""
    outcome = host.run([f"create {A} 1 61 4", f"range {A} 1 1 2"], MEMORY, arguments=["--version", version])

    assert (0, "v2") == (outcome.one("initialize")["code"], outcome.one("initialize")["area"])
    assert [0, 0] == outcome.codes


@pytest.mark.parametrize("version", ["1.0.0", "1.8.2"])
def test_an_older_host_gets_the_first_generation(host: FakeHost, version: str) -> None:
    """Before 1.9.0 the plugin allocates with malloc, and the host frees with the function that it was given."""
    script = [
        f"create {A} 1 6162 4",
        f"read {A} 1",
        f"create {A} 2 null 0",
        f"read {A} 2",
        f"remove {A} 1",
        f"read {A} 1",
    ]
    outcome = host.run(script, MEMORY, arguments=["--version", version])

    assert (0, "v1") == (outcome.one("initialize")["code"], outcome.one("initialize")["area"])
    assert [0, 0, 0, 0, 0, 13] == outcome.codes
    assert ["61626162", "", ""] == [answer["bytes"] for answer in outcome.all("read")]
    assert [False] == [answer["touched"] for answer in outcome.all("read")[2:]]
    assert "This Orthanc predates 1.9.0: it cannot read ranges, so that tags cost a whole file" in outcome.texts("W")
    assert 0 == outcome.status


def test_metrics_are_not_registered_where_there_are_none(host: FakeHost) -> None:
    """Orthanc has metrics of plugins since 1.5.4."""
    values = [
        bool(host.run("metrics", MEMORY, arguments=["--version", version]).one("metrics")["values"])
        for version in ("1.5.3", "1.5.4")
    ]

    assert [False, True] == values


@pytest.mark.parametrize("version", ["0.9.0", "0.9.6", "garbage", "", "1.x"])
def test_a_host_that_is_too_old_is_refused(host: FakeHost, version: str) -> None:
    """Where the plugin cannot work it says so and keeps Orthanc from starting."""
    outcome = host.run([], MEMORY, arguments=["--version", version])

    assert (-1, "none") == (outcome.one("initialize")["code"], outcome.one("initialize")["area"])
    assert [f"This plugin needs Orthanc 1.0.0 or newer, this is Orthanc {version}"] == outcome.texts("E")
    assert 0 == outcome.status


@pytest.mark.parametrize("version", ["1.8.2", "1.10.1"])
def test_a_refused_registration_is_not_taken_for_one_that_worked(host: FakeHost, version: str) -> None:
    """When another plugin has the storage area, Orthanc must not start: it would not use ours."""
    outcome = host.run([], MEMORY, arguments=["--version", version, "--refuse", "2036"])
    (text,) = outcome.texts("E")

    assert -1 == outcome.one("initialize")["code"]
    assert (
        "Orthanc refused to register the storage area (error 2036): is another storage plugin loaded? "
        'Keep only one of them in "Plugins"'
    ) == text
    assert 0 == outcome.status


def test_a_host_without_a_configuration_is_refused(host: FakeHost) -> None:
    """Without the configuration nobody knows where files belong."""
    outcome = host.run([], MEMORY, arguments=["--without-configuration"])

    assert (-1, "none") == (outcome.one("initialize")["code"], outcome.one("initialize")["area"])
    assert ["Orthanc did not give its configuration to the plugin"] == outcome.texts("E")


def test_the_plugin_stops_before_the_one_that_finalises_python(host: FakeHost) -> None:
    """Orthanc ends its plugins in the order of their names, and "python" is the orthanc-python plugin."""
    name = host.run([], MEMORY).one("initialize")["name"]

    assert "orthanc-storage-plugins" == name
    assert name < "python"
