"""What goes over the wire."""

from __future__ import annotations

import base64
import random
from typing import Final

import crc32c
import pytest

from storage_plugins.errors import ConfigInvalid, NotFound, StoreError, Unavailable
from storage_plugins.testing.media import read
from tests.cloud.conftest import Cloud

MIB = 1 << 20
PUT: Final = {("fake-gcs", "sdk"): "POST"}
"""How an object is written, where it is not a PUT: Google's JSON API has uploads."""
DELETE: Final = {("azurite", "obstore"): "POST"}
"""How one is removed, where it is not a DELETE: obstore sends each blob of Azure as a batch of one."""
READ_EMPTY: Final = {("azurite", "sdk"): ["GET", "GET"]}
"""How an empty object is read, where one GET does not do: azure-storage-blob asks for a range first and is refused."""


def test_one_request_per_verb(cloud: Cloud) -> None:
    """Of a put, a read, a range and a delete: no HEAD, no LIST, no 100-continue, and opening a store asks nothing."""
    data = random.Random(1).randbytes(525_000)
    case = (cloud.name, cloud.engine)
    cloud.store.put("ab/x", data)
    seen = list(cloud.proxy.seen)

    assert [PUT.get(case, "PUT")] == cloud.proxy.requests()
    assert data == read(cloud.store, "ab/x")
    assert ["GET"] == cloud.proxy.requests()
    target = bytearray(1000)
    cloud.store.read_range("ab/x", 5000, memoryview(target))
    assert data[5000:6000] == target
    assert ["GET"] == cloud.proxy.requests()
    cloud.store.delete("ab/x")
    assert [DELETE.get(case, "DELETE")] == cloud.proxy.requests()
    assert [None] == [one.headers.get("Expect") for one in seen]


def test_failures_cost_one_request_too(cloud: Cloud) -> None:
    """What is not there is known after one request."""
    with pytest.raises(NotFound):
        read(cloud.store, "nothing")
    assert ["GET"] == cloud.proxy.requests()
    cloud.store.delete("nothing")
    assert [DELETE.get((cloud.name, cloud.engine), "DELETE")] == cloud.proxy.requests()


@pytest.mark.parametrize("size", [0, 1])
def test_the_smallest_objects(cloud: Cloud, size: int) -> None:
    """An empty object needs no more than a small one."""
    case = (cloud.name, cloud.engine)
    cloud.store.put("x", bytes(size))
    assert [PUT.get(case, "PUT")] == cloud.proxy.requests()
    assert bytes(size) == read(cloud.store, "x")
    assert (READ_EMPTY.get(case, ["GET"]) if size == 0 else ["GET"]) == cloud.proxy.requests()


@pytest.mark.parametrize("size", [10, 6 * MIB])
def test_the_checksum_lies_beside_the_object(cloud: Cloud, size: int) -> None:
    """Every upload names the CRC32C of its bytes, whoever wrote it."""
    data = random.Random(size).randbytes(size)
    cloud.store.put("x", data)

    expected = base64.b64encode(crc32c.crc32c(data).to_bytes(4, "big")).decode()
    assert expected == cloud.medium.metadata("x")["crc32c"]


def test_large_objects_go_in_parts(cloud: Cloud) -> None:
    """Parts of at most PartSize, both ways, and the object is whole."""
    data = random.Random(2).randbytes(23 * MIB)
    cloud.store.put("x", data)
    put = [len(one.body) for one in cloud.proxy.seen]
    cloud.proxy.requests()

    assert data == cloud.medium.read("x")
    assert 5 * MIB == max(put)
    assert data == read(cloud.store, "x")
    assert ["GET"] * 5 == cloud.proxy.requests()


@pytest.mark.parametrize("size", [0, 1000, 6 * MIB, 12 * MIB])
def test_each_engine_reads_what_the_other_wrote(cloud: Cloud, size: int) -> None:
    """The engine may be changed at any time: whole reads, ranges and lists, with the checksum of the writer."""
    data = random.Random(size).randbytes(size)
    cloud.open(Engine=cloud.other).put("ab/x", data)

    assert data == read(cloud.store, "ab/x")
    target = bytearray(size // 2)
    cloud.store.read_range("ab/x", size // 4, memoryview(target))
    assert data[size // 4 : size // 4 + size // 2] == target
    assert {("ab/x", size)} == {(info.key, info.size) for info in cloud.store.list("ab/")}


def test_an_object_that_changes_between_its_parts(cloud: Cloud) -> None:
    """The parts of two objects are never put together."""
    cloud.store.put("x", bytes(11 * MIB))

    def replace(size: int) -> memoryview:
        cloud.medium.write("x", b"1" * size)
        return memoryview(bytearray(size))

    with pytest.raises(StoreError, match="412"):
        cloud.store.read("x", replace)


def test_a_missing_bucket_is_a_wrong_configuration(cloud: Cloud) -> None:
    """And not an object that is not there."""
    store = cloud.open(**{"Container" if cloud.name == "azurite" else "Bucket": "nowhere"})
    for call in (
        lambda: store.put("x", b"1"),
        lambda: store.put("x", bytes(12 * MIB)),
        lambda: read(store, "x"),
        lambda: list(store.list()),
    ):
        with pytest.raises(ConfigInvalid, match=r"Create the (bucket|container)"):
            call()


def test_nobody_listens(cloud: Cloud) -> None:
    """Unavailable, soon, and the message says what to check."""
    with pytest.raises(Unavailable, match=r"refused.*Check the endpoint"):
        read(cloud.open(at="http://127.0.0.1:9"), "x")
