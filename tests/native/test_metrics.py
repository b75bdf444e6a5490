"""What Orthanc shows at /tools/metrics-prometheus."""

from __future__ import annotations

from tests.native import backends
from tests.native.host import FakeHost, uuid

A, SLOW = uuid(1), uuid(2)


def test_calls_are_counted_by_verb_and_outcome(host: FakeHost) -> None:
    """The numbers are those of the calls that were made until the refresh."""
    script = [
        *[f"create {A} 1 61 10"] * 3,
        *[f"read {A} 1"] * 2,
        f"read {A} 2",
        f"range {A} 1 0 4",
        f"range {A} 1 8 4",
        f"remove {A} 1",
        "metrics",
    ]
    values = host.run(script, {"Backend": "memory"}).one("metrics")["values"]
    counted = {name.removeprefix("storage_plugins_"): value for name, value in values.items() if value >= 1}

    assert {
        "put_success_total": 3,
        "put_bytes": 30,
        "read_success_total": 2,
        "read_bytes": 20,
        "read_not_found_total": 1,
        "read_range_success_total": 1,
        "read_range_bytes": 4,
        "read_range_range_invalid_total": 1,
        "delete_success_total": 1,
    } == counted
    assert 0 < values["storage_plugins_put_seconds"] < 1


def test_metrics_are_there_before_the_first_call(host: FakeHost) -> None:
    """A series that is absent cannot raise an alarm: all start at 0."""
    values = host.run("metrics", {"Backend": "memory"}).one("metrics")["values"]

    assert {"storage_plugins_put_unavailable_total", "storage_plugins_read_error_total"} <= values.keys()
    assert {0.0} == set(values.values())


def test_each_refresh_is_fresh(host: FakeHost) -> None:
    """A refresh tells of all calls that ended before it."""
    script = [f"create {A} 1 61 1", "metrics"] * 5
    values = [answer["values"] for answer in host.run(script, {"Backend": "memory"}).all("metrics")]

    assert [1.0, 2.0, 3.0, 4.0, 5.0] == [value["storage_plugins_put_success_total"] for value in values]


def test_a_refresh_does_not_wait_for_a_stuck_interpreter(host: FakeHost) -> None:
    """The refresh gives up after a second, so that a stuck interpreter does not take HTTP threads with it."""
    section = {"Backend": backends.NAME, "Options": {"Faults": {SLOW: "keep-the-lock"}, "Seconds": 2.5}}
    script = [f"start create {SLOW} 1 61 1", "sleep 200", "metrics", "wait 10000", "metrics"]
    outcome = host.run(script, section)
    stuck, free = outcome.all("metrics")

    assert 0.9 < stuck["seconds"] < 1.8
    assert 1.0 == free["values"]["storage_plugins_put_success_total"]
    assert [0] == outcome.codes
