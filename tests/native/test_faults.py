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
