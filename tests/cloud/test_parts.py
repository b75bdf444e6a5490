"""Uploads in parts that fail: nothing becomes visible, and nothing is left that somebody pays for."""

from __future__ import annotations

import random
from typing import Final

import pytest

from storage_plugins.errors import AccessDenied, StoreError, Unavailable
from storage_plugins.testing.media import read
from tests.cloud.conftest import Cloud, cases, only
from tests.servers.proxy import Fault, Reply, Seen

MIB = 1 << 20
DATA = random.Random(4).randbytes(17 * MIB)
BEGINS: Final = {"seaweedfs": 1, "moto": 1, "azurite": 0, "fake-gcs": 1}
"""Requests before the first part."""
PARTS = 4


def fail(_: Seen, reply: Reply) -> None:
    """The server cannot."""
    reply.status, reply.headers, reply.body = 500, [], b""


def refuse(_: Seen, reply: Reply) -> None:
    """The server does not want."""
    reply.status, reply.headers, reply.body = 403, [], b""


def drop(_: Seen, reply: Reply) -> None:
    """The connection ends without an answer."""
    reply.drop = True


def left(cloud: Cloud) -> list[str]:
    """Keys of uploads that are still open. Azure has none: blocks that no blob has are gone after a week."""
    match cloud.name:
        case "seaweedfs" | "moto":
            return list(cloud.medium.uploads())
        case "fake-gcs":
            return list(cloud.server.uploads())
        case _:
            return []


@pytest.mark.parametrize("part", [1, 3])
@pytest.mark.parametrize("fault", [fail, refuse, drop])
def test_a_part_that_fails(cloud: Cloud, fault: Fault, part: int) -> None:
    """The write fails as a whole, once, and the upload is given up. The next attempt goes well."""
    cloud.proxy.faults.extend([None] * (BEGINS[cloud.name] + part - 1) + [fault])

    with pytest.raises(AccessDenied if fault is refuse else Unavailable, match="cannot write object 'x'") as caught:
        cloud.store.put("x", DATA)
    assert caught.value.retryable == (fault is not refuse)
    assert set() == cloud.medium.keys()
    assert [] == left(cloud)

    cloud.store.put("x", DATA)
    assert DATA == cloud.medium.read("x")
    assert [] == left(cloud)


@cases(("seaweedfs", "obstore"), ("seaweedfs", "sdk"), ("moto", "obstore"), ("moto", "sdk"), ("fake-gcs", "obstore"))
@pytest.mark.parametrize("fault", [fail, drop])
def test_an_end_that_nobody_confirms(cloud: Cloud, fault: Fault) -> None:
    """The object may be there, but the write has failed and may be tried again. Nothing else is left."""
    cloud.proxy.faults.extend([None] * (1 + PARTS) + [fault])

    with pytest.raises(Unavailable) as caught:
        cloud.store.put("x", DATA)
    assert caught.value.retryable
    assert [] == left(cloud)
    cloud.store.put("x", DATA)
    assert DATA == read(cloud.store, "x")


@only("seaweedfs")
def test_an_end_that_fails_behind_a_good_status(cloud: Cloud) -> None:
    """Amazon may say 200 first and tell the error afterwards."""

    def spoil(_: Seen, reply: Reply) -> None:
        reply.body = b'<?xml version="1.0"?><Error><Code>InternalError</Code><Message>on purpose</Message></Error>'

    cloud.proxy.faults.extend([None] * (1 + PARTS) + [spoil])

    with pytest.raises(StoreError, match="cannot write object 'x'") as caught:
        cloud.store.put("x", DATA)
    assert caught.value.retryable
    assert [] == left(cloud)


@cases(("azurite", "obstore"), ("azurite", "sdk"))
def test_blocks_that_no_blob_has(cloud: Cloud) -> None:
    """They are not visible, they do not disturb a blob that is there, and the next write replaces them."""
    cloud.medium.write("x", b"old")
    cloud.proxy.faults.extend([None, fail])

    with pytest.raises(Unavailable):
        cloud.store.put("x", DATA)
    assert b"old" == read(cloud.store, "x")
    cloud.store.put("x", DATA)
    assert DATA == cloud.medium.read("x")
