"""What goes over the wire."""

from __future__ import annotations

import base64
import random

import crc32c
import pytest

from storage_plugins.errors import NotFound
from storage_plugins.testing.media import read
from tests.cloud.conftest import Cloud

MIB = 1 << 20


def test_one_request_per_verb(cloud: Cloud) -> None:
    """A put is one PUT, a read and a range one GET, a delete one DELETE: no HEAD, no LIST, no 100-continue."""
    data = random.Random(1).randbytes(525_000)
    cloud.store.put("ab/x", data)
    seen = list(cloud.proxy.seen)

    assert ["PUT"] == cloud.proxy.requests()
    assert data == read(cloud.store, "ab/x")
    assert ["GET"] == cloud.proxy.requests()
    target = bytearray(1000)
    cloud.store.read_range("ab/x", 5000, memoryview(target))
    assert data[5000:6000] == target
    assert ["GET"] == cloud.proxy.requests()
    cloud.store.delete("ab/x")
    assert ["DELETE"] == cloud.proxy.requests()
    assert [None] == [one.headers.get("Expect") for one in seen]


def test_failures_cost_one_request_too(cloud: Cloud) -> None:
    """What is not there is known after one request."""
    with pytest.raises(NotFound):
        read(cloud.store, "nothing")
    assert ["GET"] == cloud.proxy.requests()
    cloud.store.delete("nothing")
    assert ["DELETE"] == cloud.proxy.requests()


@pytest.mark.parametrize("size", [0, 1])
def test_the_smallest_objects(cloud: Cloud, size: int) -> None:
    """An empty object needs no more than a small one."""
    cloud.store.put("x", bytes(size))
    assert bytes(size) == read(cloud.store, "x")
    assert ["PUT", "GET"] == cloud.proxy.requests()


def test_the_checksum_lies_beside_the_object(cloud: Cloud) -> None:
    """Every upload names the CRC32C of its bytes, whoever wrote it."""
    cloud.store.put("x", b"some bytes")

    expected = base64.b64encode(crc32c.crc32c(b"some bytes").to_bytes(4, "big")).decode()
    assert expected == cloud.medium.metadata("x")["crc32c"]


def test_large_objects_go_in_parts(cloud: Cloud) -> None:
    """Parts of at most PartSize, both ways, and the object is whole."""
    data = random.Random(2).randbytes(23 * MIB)
    cloud.store.put("x", data)
    put = list(cloud.proxy.seen)
    cloud.proxy.requests()

    assert data == cloud.medium.read("x")
    assert 5 * MIB >= max(len(one.body) for one in put)
    assert data == read(cloud.store, "x")
    assert ["GET"] * 5 == cloud.proxy.requests()
