"""The stop: bounded, without a crash, and without a false success, whatever is still running."""

from __future__ import annotations

import sysconfig
import venv
from pathlib import Path
from typing import Any

import pytest

from tests.native import backends
from tests.native.host import FakeHost, uuid

SLOW, WAITING, GOOD = uuid(1), uuid(2), uuid(3)
MEMORY = {"Backend": "memory"}
LIBPYTHON = str(Path(sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("INSTSONAME")))


def slow(fault: str, seconds: float, **section: Any) -> dict[str, Any]:
    """A section in which calls for SLOW take long."""
    return {"Backend": backends.NAME, "Options": {"Faults": {SLOW: fault}, "Seconds": seconds}, **section}


def test_an_idle_plugin_stops_at_once(host: FakeHost) -> None:
    """Nobody waits when there is nothing to wait for."""
    outcome = host.run([f"create {GOOD} 1 61 4"], MEMORY)

    assert 1 > outcome.one("finalize")["seconds"]
    assert (0, []) == (outcome.status, outcome.texts("E"))


def test_a_running_call_may_end_before_the_stop(host: FakeHost) -> None:
    """What was accepted before the stop is served, whether a worker had it or not; later calls are refused."""
    script = [
        f"start create {SLOW} 1 61 4",
        "sleep 100",
        f"start create {WAITING} 1 61 4",
        "sleep 100",
        "finalize",
        "wait 10000",
        f"create {GOOD} 1 61 4",
    ]
    outcome = host.run(script, slow("sleep", 0.6, Workers=1))

    assert [0, 0, 32] == outcome.codes
    assert 0.2 < outcome.one("finalize")["seconds"] < 5
    assert 0 == outcome.status


def test_a_call_that_takes_too_long_does_not_keep_the_stop(host: FakeHost) -> None:
    """After StopTimeout what waits for a worker is refused, what runs may still end, and nothing crashes."""
    script = [
        f"start create {SLOW} 1 61 4",
        "sleep 100",
        f"start create {WAITING} 1 61 4",
        f"start read {WAITING} 1",
        "sleep 100",
        "unload",
        "wait 200",
        "sleep 1200",
    ]
    outcome = host.run(script, slow("sleep", 1.2, Workers=1, StopTimeout=0.2))

    assert [None, 32, 32] == outcome.codes
    assert 0.8 > outcome.one("finalize")["seconds"]
    assert "The storage area did not stop within 200 ms: 2 waiting requests were refused" in outcome.texts("W")
    assert (0, 0) == (outcome.status, outcome.one("end")["leaked_buffers"])


def test_a_call_that_never_ends_does_not_keep_the_process(host: FakeHost) -> None:
    """Orthanc can end while a worker hangs in the network."""
    outcome = host.run([f"start create {SLOW} 1 61 4", "sleep 100", "unload"], slow("hang", 0, StopTimeout=0.2))

    assert 0.8 > outcome.one("finalize")["seconds"]
    assert 0 == outcome.status


def test_a_store_that_does_not_close_does_not_keep_the_process(host: FakeHost) -> None:
    """The bound is one for all that the stop does."""
    section = {"Backend": backends.NAME, "StopTimeout": 0.2, "Options": {"Close": "hang"}}
    outcome = host.run([f"create {GOOD} 1 61 4"], section)

    assert 0.8 > outcome.one("finalize")["seconds"]
    assert (0, [0]) == (outcome.status, outcome.codes)


def test_a_store_that_fails_to_close_is_logged(host: FakeHost) -> None:
    """An error at the very end is told and does no harm."""
    outcome = host.run([f"create {GOOD} 1 61 4"], {"Backend": backends.NAME, "Options": {"Close": "ValueError"}})

    assert ["The storage area failed"] == [text.splitlines()[0] for text in outcome.texts("E")]
    assert (0, [0]) == (outcome.status, outcome.codes)


def test_a_worker_that_outlives_orthanc_does_not_use_it(host: FakeHost) -> None:
    """What a late worker has to say goes nowhere: Orthanc's side of the interface is gone after the unload."""
    script = [f"start create {SLOW} 1 61 4", "sleep 100", "unload", "sleep 800", "wait 100"]
    outcome = host.run(script, slow("sleep-and-fail", 0.6, StopTimeout=0.1))

    assert [32] == outcome.codes
    assert (0, "") == (outcome.status, outcome.noise)


def test_a_late_read_is_given_no_memory(host: FakeHost) -> None:
    """A read that learns the size of its object after the unload fails instead of asking Orthanc."""
    script = [f"create {GOOD} 1 61 4", f"start read {SLOW} 1", "sleep 100", "unload", "sleep 800", "wait 100"]
    outcome = host.run(script, slow("sleep-and-allocate", 0.6, StopTimeout=0.1))

    assert outcome.codes[1] not in (0, None)
    assert (0, "") == (outcome.status, outcome.noise)


@pytest.mark.parametrize("version", ["1.8.2", "1.10.1"])
def test_calls_that_race_with_the_stop_are_answered(host: FakeHost, version: str) -> None:
    """Each call during the stop is served or refused; after it all are refused."""
    outcome = host.run(["background 8", "sleep 200", "unload"], MEMORY, arguments=["--version", version])
    background = outcome.one("background")

    assert 0 == background["unexpected"]
    assert 8 <= background["refused"] < background["calls"]
    assert 0 == outcome.status


def test_orthanc_can_load_the_plugin_again(host: FakeHost) -> None:
    """POST /tools/reset and SIGHUP unload all plugins and load them again in the same process."""
    again = ["unload", "load", f"create {GOOD} 1 61 4", f"read {GOOD} 1", "metrics"]
    outcome = host.run([*again, *again, *again], MEMORY)

    assert [(0, "v2")] * 4 == [(answer["code"], answer["area"]) for answer in outcome.all("initialize")]
    assert [0, 0] * 3 == outcome.codes
    assert [1.0] * 3 == [a["values"]["storage_plugins_put_success_total"] for a in outcome.all("metrics")]
    assert 4 == len([text for text in outcome.texts("W") if text.startswith("Storage area: ")])
    assert 0 == outcome.one("end")["leaked_strings"]
    assert 0 == outcome.status


def test_a_late_worker_of_an_earlier_life_serves_nobody(host: FakeHost) -> None:
    """A worker that ends its call after Orthanc has loaded the plugin again belongs to a store that is closed."""
    section = slow("sleep", 0.6, Workers=1, StopTimeout=0.1)
    script = [
        f"start create {SLOW} 1 61 4",
        "sleep 100",
        "unload",
        "sleep 200",
        "load",
        "sleep 600",
        "threads 4 100 64",
    ]
    outcome = host.run([*script, "wait 100"], section)

    assert [0, 0] == [answer["code"] for answer in outcome.all("initialize")]
    assert 0 == outcome.one("threads")["failures"]
    assert 0 == outcome.status


def test_orthanc_cannot_load_the_plugin_again_while_it_has_not_stopped(host: FakeHost) -> None:
    """Two stores must not run at once in one process, over the same medium: better no start than that."""
    section = {"Backend": backends.NAME, "StopTimeout": 0.1, "Options": {"Close": "hang"}}
    outcome = host.run(["unload", "load"], section)

    assert [(0, "v2"), (-1, "none")] == [(answer["code"], answer["area"]) for answer in outcome.all("initialize")]
    assert [
        "The storage area has not stopped since Orthanc was reset: end the process and start it again"
    ] == outcome.texts("E")
    assert 0 == outcome.status


@pytest.fixture(scope="module")
def neighbour(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What makes the host start Python before the plugin does, with an environment that holds no package at all.

    Python finds it because it looks for its library beside the first "python3" of the search path.
    """
    folder = tmp_path_factory.mktemp("neighbour")
    venv.create(folder, with_pip=False, symlinks=True)
    return {"arguments": ["--python", LIBPYTHON], "environment": {"PATH": str(folder / "bin")}}


def test_the_python_of_another_plugin_is_shared(host: FakeHost, neighbour: dict[str, Any]) -> None:
    """With orthanc-python loaded before and stopped after us, both work and Orthanc ends in order."""
    outcome = host.run([f"create {GOOD} 1 61 4", "finalize", "finalize-python"], MEMORY, **neighbour)

    assert [0] == outcome.codes
    assert (0, 0) == (outcome.one("finalize-python")["code"], outcome.status)


def test_python_may_be_finalised_before_the_stop(host: FakeHost, neighbour: dict[str, Any]) -> None:
    """When another plugin has ended the interpreter under us, calls are refused and the stop does not wait."""
    script = [
        f"create {GOOD} 1 61 4",
        "finalize-python",
        f"create {GOOD} 1 61 4",
        f"read {GOOD} 1",
        "metrics",
        "unload",
    ]
    outcome = host.run(script, MEMORY, **neighbour)

    assert [0, 32, 32] == outcome.codes
    assert 1 > outcome.one("finalize")["seconds"]
    assert "Another plugin has finalised Python before the storage area was stopped" in outcome.texts("W")
    assert 0 == outcome.status
