"""A server that does not answer costs the time that was configured, and no more."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from storage_plugins.errors import Corrupt, Unavailable
from storage_plugins.testing.media import read
from tests.cloud.conftest import Cloud
from tests.servers.proxy import Proxy, Reply, Seen

MIB = 1 << 20
TIMEOUT = 1.0


@contextmanager
def took(cloud: Cloud) -> Iterator[None]:
    """About the timeout. azure-storage-blob waits for another second after an answer that breaks off."""
    started = time.monotonic()
    yield
    assert TIMEOUT * 0.9 < time.monotonic() - started < TIMEOUT * 3 + (cloud.engine == "sdk")


@pytest.fixture
def silent() -> Iterator[str]:
    """URL of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def deaf() -> Iterator[str]:
    """URL of an address that does not even take connections."""
    waiting = [socket.socket() for _ in range(4)]
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        for one in waiting:
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(server.getsockname())
        time.sleep(0.1)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    for one in waiting:
        one.close()


@pytest.mark.parametrize("size", [1, 5 * MIB, 12 * MIB])
def test_a_write_without_an_answer(cloud: Cloud, silent: str, size: int) -> None:
    """Also while the body is on its way, and at the start of an upload in parts."""
    store = cloud.open(silent, RequestTimeout=TIMEOUT, ConnectionTimeout=TIMEOUT)

    with took(cloud), pytest.raises(Unavailable, match=r"write object 'x': timeout .*RequestTimeout") as caught:
        store.put("x", bytes(size))
    assert caught.value.retryable


def test_a_read_and_a_delete_without_an_answer(cloud: Cloud, silent: str) -> None:
    """One request each."""
    store = cloud.open(silent, RequestTimeout=TIMEOUT)

    with took(cloud), pytest.raises(Unavailable, match=r"read object 'x': timeout .*RequestTimeout"):
        read(store, "x")
    with took(cloud), pytest.raises(Unavailable, match=r"delete object 'x': timeout .*RequestTimeout"):
        store.delete("x")


def test_an_answer_that_stalls(cloud: Cloud) -> None:
    """Half of the body comes, and then nothing."""

    def stall(_: Seen, reply: Reply) -> None:
        reply.cut, reply.stall = len(reply.body) // 2, TIMEOUT * 10

    store = cloud.open(RequestTimeout=TIMEOUT)
    cloud.medium.write("x", bytes(3 * MIB))
    for size in (3 * MIB, MIB):
        cloud.proxy.faults.append(stall)
        with took(cloud), pytest.raises((Unavailable, Corrupt), match="object 'x'") as caught:
            store.read_range("x", 0, memoryview(bytearray(size)))
        assert caught.value.retryable


def test_a_slow_line(cloud: Cloud) -> None:
    """A body may take longer than a connection: RequestTimeout alone is for it."""
    with Proxy(f"127.0.0.1:{cloud.server.port}", pace=0.8) as line:
        store = cloud.open(line.endpoint, ConnectionTimeout=TIMEOUT, RequestTimeout=60)
        started = time.monotonic()
        store.put("x", bytes(5 * MIB))

    assert TIMEOUT * 3 < time.monotonic() - started
    assert {"x"} == cloud.medium.keys()


def test_an_address_that_takes_no_connections(cloud: Cloud, deaf: str) -> None:
    """ConnectionTimeout ends it, long before RequestTimeout."""
    store = cloud.open(deaf, RequestTimeout=60, ConnectionTimeout=TIMEOUT)

    with took(cloud), pytest.raises(Unavailable, match=r"read object 'x': .*(network|reachable)") as caught:
        read(store, "x")
    assert caught.value.retryable
