"""Checksums of what is written, compared by the server."""

from __future__ import annotations

import base64
import json
import uuid

import crc32c
import pytest

from storage_plugins.errors import Corrupt, Unavailable
from storage_plugins.testing.media import read
from tests.cloud.conftest import Cloud, cases
from tests.servers.proxy import Seen

MIB = 1 << 20
SIZES = pytest.mark.parametrize("size", [1000, 12 * MIB])
"""In one request, and in parts."""


def flip(seen: Seen) -> None:
    """One bit is wrong."""
    body = bytearray(seen.body)
    body[len(body) // 2] ^= 4
    seen.body = bytes(body)


def damage(cloud: Cloud, size: int) -> None:
    """Flips a bit of the next request that has a body."""
    begins = cloud.name != "azurite" and size > 5 * MIB  # an upload in parts begins with a request that has none
    cloud.proxy.tampers.extend([None, flip] if begins else [flip])


@SIZES
@cases(("seaweedfs", "obstore"), ("seaweedfs", "sdk"), ("azurite", "sdk"))
def test_damage_on_the_way_is_refused(cloud: Cloud, size: int) -> None:
    """The server refuses the write or its part, and nothing becomes visible."""
    damage(cloud, size)

    with pytest.raises(Unavailable, match="'x': 400") as caught:
        cloud.store.put("x", bytes(size))
    assert caught.value.retryable or cloud.name == "azurite"  # which does not say Md5Mismatch, as Azure does
    assert set() == cloud.medium.keys()


@SIZES
@pytest.mark.parametrize("sign", [None, True, False])
@cases(("seaweedfs", "obstore"), ("seaweedfs", "sdk"))
def test_bodies_that_are_not_signed(cloud: Cloud, size: int, *, sign: bool | None) -> None:
    """Without TLS they are signed, unless SignBody says otherwise; the server compares the checksum in any case."""
    store = cloud.open(SignBody=sign)
    cloud.proxy.requests()
    store.put("x", bytes(size))
    seen = [one for one in cloud.proxy.seen if one.method == "PUT"]

    assert {sign is False} == {one.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD" for one in seen}
    assert all(any(name.lower().startswith("x-amz-checksum-") for name in one.headers) for one in seen)
    damage(cloud, size)
    with pytest.raises(Unavailable, match="'y': 400"):
        store.put("y", bytes(size))
    assert {"x"} == cloud.medium.keys()


@SIZES
@cases(("azurite", "obstore"), ("fake-gcs", "obstore"))
def test_damage_that_no_server_can_see_is_seen_by_the_next_read(cloud: Cloud, size: int) -> None:
    """obstore sends Azure and Google nothing to compare with: there it is TLS that protects the way."""
    damage(cloud, size)
    cloud.store.put("x", bytes(size))

    with pytest.raises(Corrupt):
        read(cloud.store, "x")


@SIZES
@cases(("fake-gcs", "sdk"))
def test_google_is_told_what_to_compare_with(cloud: Cloud, size: int) -> None:
    """The first request of an upload names the CRC32C of the whole; fake-gcs-server does not look at it."""
    cloud.store.put("x", bytes(size))
    body = cloud.proxy.seen[0].body
    resource, _ = (
        json.JSONDecoder().raw_decode(body[body.index(b"{") : body.index(b"}\r\n--") + 1].decode())
        if (b"\r\n--" in body)
        else (json.loads(body), 0)
    )

    assert base64.b64encode(crc32c.crc32c(bytes(size)).to_bytes(4, "big")).decode() == resource["crc32c"]


@cases(("seaweedfs", "obstore"), ("seaweedfs", "sdk"), ("moto", "sdk"))
def test_object_lock(cloud: Cloud) -> None:
    """A bucket that keeps its objects wants a checksum of every body, and takes objects of any size.

    moto looks for a header that only boto3 sends; Amazon takes either, as SeaweedFS does.
    """
    name = f"locked{uuid.uuid4().hex[:20]}"
    medium = cloud.server.locked_bucket(name)
    cloud.stack.callback(medium.remove)
    store = cloud.open(Bucket=name)
    for size in (0, 1000, 12 * MIB):
        store.put(f"x{size}", bytes(size))
        locked = medium.describe(f"x{size}").get("ObjectLockMode") == "GOVERNANCE"
        assert locked or (cloud.name == "moto" and size > 5 * MIB)  # which forgets it of an upload in parts
        assert bytes(size) == read(store, f"x{size}")
    bare = [
        one
        for one in cloud.proxy.seen
        if one.method == "PUT" and not any(header.lower().startswith("x-amz-checksum-") for header in one.headers)
    ]

    assert 5 == [one.method for one in cloud.proxy.seen].count("PUT")
    assert [] == bare
