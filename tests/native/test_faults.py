"""Whatever a backend does, Orthanc gets an error code and the next call is served."""

from __future__ import annotations

import pytest

from tests.native import backends
from tests.native.host import UNTOUCHED, FakeHost, Outcome, uuid

GOOD, BAD = uuid(1), uuid(2)

CODES = {
    "NotFound": 13,
    "RangeInvalid": 41,
    "KeyInvalid": 3,
    "AccessDenied": 32,
    "ConfigInvalid": 32,
    "Corrupt": 20,
    "StorageFull": 19,
    "Unavailable": 32,
    "MemoryError": 4,
    "RecursionError": 32,
    "ValueError": 32,
    "SystemExit": 32,
    "KeyboardInterrupt": 32,
    "GeneratorExit": 32,
    "BaseException": 32,
    "Untellable": 32,
    "code-zero": 32,
}


def run(host: FakeHost, fault: str, script: list[str], *, arguments: tuple[str, ...] = ()) -> Outcome:
    """Runs with one worker, so that a later call needs the very thread that met the fault."""
    section = {"Backend": backends.NAME, "Workers": 1, "Options": {"Faults": {BAD: fault}}}
    return host.run([*script, f"create {GOOD} 1 61 4", f"read {GOOD} 1"], section, arguments=arguments)


@pytest.mark.parametrize(("fault", "code"), CODES.items(), ids=CODES)
def test_every_error_becomes_its_code(host: FakeHost, fault: str, code: int) -> None:
    """An error in any verb is logged once, gives its code, leaves the host's memory alone, and the worker goes on."""
    outcome = run(host, fault, [f"create {BAD} 1 61 4", f"read {BAD} 1", f"range {BAD} 1 0 4", f"remove {BAD} 1"])

    assert [code, code, code, code, 0, 0] == outcome.codes
    assert UNTOUCHED * 4 == outcome.one("range")["bytes"]
    assert not outcome.all("read")[0]["touched"]
    # That of an error which fails again when it is written down cannot be told.
    assert (0 if fault == "Untellable" else 4) == len([text for text in outcome.texts() if text.startswith("Cannot ")])
    assert (0, 0) == (outcome.status, outcome.one("end")["leaked_buffers"])


def test_an_unforeseen_error_is_logged_with_its_trace(host: FakeHost) -> None:
    """What is no StoreError is a fault in code: the log shows where."""
    outcome = run(host, "ValueError", [f"create {BAD} 1 61 4"])
    (text,) = outcome.texts("E")

    assert text.startswith(f"Cannot create attachment '{BAD}' (content type 1): ValueError on purpose\nTraceback ")


def test_a_foreseen_error_is_one_line(host: FakeHost) -> None:
    """A StoreError says all in its message."""
    outcome = run(host, "StorageFull", [f"create {BAD} 1 61 4"])

    assert [f"Cannot create attachment '{BAD}' (content type 1): StorageFull on purpose"] == outcome.texts("E")


@pytest.mark.parametrize("version", ["1.8.2", "1.10.1"])
@pytest.mark.parametrize(
    ("fault", "code"),
    [("fail-after-allocate", 20), ("die-after-allocate", 32), ("allocate-twice", 4), ("no-allocate", 32)],
)
def test_a_read_that_fails_leaves_no_memory_behind(host: FakeHost, fault: str, code: int, version: str) -> None:
    """Memory that was taken for a read is given back when the read fails, and a success without memory is none."""
    outcome = run(host, fault, [f"read {BAD} 1"] * 3, arguments=("--version", version))

    assert [code, code, code, 0, 0] == outcome.codes
    assert not outcome.all("read")[0]["touched"]
    assert 0 == outcome.one("end")["leaked_buffers"]


def test_a_host_without_memory_is_told_so(host: FakeHost) -> None:
    """When the host has no memory for a read the code is 4; other verbs do not need it."""
    script = [
        f"create {GOOD} 1 61 4",
        "fail-allocations on",
        f"read {GOOD} 1",
        f"range {GOOD} 1 0 4",
        f"remove {BAD} 1",
        "fail-allocations off",
        f"read {GOOD} 1",
    ]
    outcome = host.run(script, {"Backend": "memory"})

    assert [0, 4, 0, 0, 0] == outcome.codes
    assert [f"Cannot read attachment '{GOOD}' (content type 1): Orthanc has no 4 bytes for it"] == outcome.texts("E")
    assert 0 == outcome.one("end")["leaked_buffers"]


def test_deep_calls_do_not_need_the_stack_of_the_host(host: FakeHost) -> None:
    """Hundreds of nested calls, JSON and TLS fit, though the threads of the host have stacks of 100 KiB."""
    outcome = run(host, "deep", [f"create {BAD} 1 61 4", f"read {BAD} 1", f"range {BAD} 1 0 4", f"remove {BAD} 1"])

    assert [0, 0, 0, 0, 0, 0] == outcome.codes


@pytest.mark.parametrize("version", ["1.8.2", "1.10.1"])
@pytest.mark.parametrize(
    ("fault", "code"),
    [("hand-over", 0), ("hand-over-short", 20), ("hand-over-and-fail", 20), ("hand-over-and-allocate", 4)],
)
def test_a_file_that_is_handed_over(host: FakeHost, fault: str, code: int, version: str) -> None:
    """The thread of the host reads it: a file that is too short is corrupt, and nothing is left open or allocated."""
    outcome = run(host, fault, ["descriptors", *[f"read {BAD} 1"] * 5, "descriptors"], arguments=("--version", version))

    assert [code] * 5 == [answer["code"] for answer in outcome.all("read")[:5]]
    before, after = (answer["count"] for answer in outcome.all("descriptors"))
    assert before == after
    assert 0 == outcome.one("end")["leaked_buffers"]
