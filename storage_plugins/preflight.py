"""Asks the medium for each verb once, before Orthanc relies on it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from storage_plugins.errors import Corrupt, NotFound, StoreError
from storage_plugins.store import Store

NAME = "orthanc-preflight-"
"""Start of the name of the object that is written and deleted again."""


@dataclass(frozen=True, slots=True)
class Step:
    """A verb that worked."""

    verb: str
    seconds: float


def run(store: Store, prefix: str = "", *, read_only: bool = False) -> list[Step]:
    """Writes, reads and deletes a small object under `prefix`; when `read_only`, only asks for one that is not there.

    Raises the StoreError of the verb that failed, with the verb in front of its message.
    """
    key = f"{prefix}{NAME}{secrets.token_hex(8)}"
    if read_only:
        return [_step("read", lambda: miss(store, prefix))]
    data = secrets.token_bytes(64)
    found = bytearray(64)
    part = bytearray(16)

    def allocate(size: int) -> memoryview:
        if size != len(data):
            msg = f"{len(data)} bytes were written, and {size} came back"
            raise Corrupt(msg)
        return memoryview(found)

    def read() -> None:
        store.read(key, allocate)
        _compare(data, found)

    def read_range() -> None:
        store.read_range(key, 16, memoryview(part))
        _compare(data[16:32], part)

    steps = [_step("write", lambda: store.put(key, data))]
    try:
        steps.append(_step("read", read))
        steps.append(_step("read a range of", read_range))
    except StoreError:
        with suppress(StoreError):
            store.delete(key)
        raise
    steps.append(_step("delete", lambda: store.delete(key)))
    return steps


def _step(verb: str, call: Callable[[], None]) -> Step:
    started = time.perf_counter()
    try:
        call()
    except StoreError as error:
        msg = f"the storage does not work, cannot {verb} an object: {error}"
        raise type(error)(msg) from error
    return Step(verb, time.perf_counter() - started)


def _compare(expected: bytes, given: bytearray) -> None:
    if expected != given:
        msg = "other bytes came back than were written"
        raise Corrupt(msg)


def miss(store: Store, prefix: str) -> None:
    """Reads an object that is not there. Raises what the medium says, but for that."""
    with suppress(NotFound):
        store.read(f"{prefix}{NAME}{secrets.token_hex(8)}", lambda size: memoryview(bytearray(size)))
