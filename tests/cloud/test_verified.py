"""Answers that are not what was stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

import pytest

from storage_plugins.errors import AccessDenied, Corrupt, RangeInvalid, StoreError, Unavailable
from storage_plugins.store import Store
from storage_plugins.testing.media import read
from tests.cloud.conftest import Cloud
from tests.servers.proxy import Fault, Reply, Seen

DATA = bytes(range(256)) * 4096
_CALLS: Final[dict[str, Callable[[Store], object]]] = {
    "write": lambda store: store.put("x", b"1"),
    "read": lambda store: read(store, "x"),
    "delete": lambda store: store.delete("x"),
}


def flip(_: Seen, reply: Reply) -> None:
    """One bit is wrong."""
    body = bytearray(reply.body)
    body[len(body) // 2] ^= 4
    reply.body = bytes(body)


def cut(_: Seen, reply: Reply) -> None:
    """The connection ends in the middle of the body."""
    reply.cut = len(reply.body) // 2


def shorten(_: Seen, reply: Reply) -> None:
    """A shorter body, with a head that agrees."""
    reply.body = reply.body[: len(reply.body) // 2]


def swap(_: Seen, reply: Reply) -> None:
    """Other bytes of the same length."""
    reply.body = reply.body[::-1]


def range_elsewhere(_: Seen, reply: Reply) -> None:
    """The answer says that it holds another range."""
    reply.headers = [
        (name, "bytes 7-1006/1048576" if name.lower() == "content-range" else value) for name, value in reply.headers
    ]


@pytest.mark.parametrize("fault", [flip, cut, shorten, swap])
def test_a_damaged_answer_is_never_data(cloud: Cloud, fault: Fault) -> None:
    """A whole read raises Corrupt, which may be tried again."""
    cloud.store.put("x", DATA)
    cloud.proxy.faults.append(fault)

    with pytest.raises(Corrupt) as caught:
        read(cloud.store, "x")
    assert caught.value.retryable
    assert "'x'" in str(caught.value)
    assert DATA == read(cloud.store, "x")


@pytest.mark.parametrize("fault", [cut, shorten, range_elsewhere])
def test_a_range_is_exact_or_an_error(cloud: Cloud, fault: Fault) -> None:
    """Fewer bytes, or those of another range, raise."""
    cloud.store.put("x", DATA)
    cloud.proxy.faults.append(fault)
    target = bytearray(1000)

    with pytest.raises((Corrupt, Unavailable)) as caught:
        cloud.store.read_range("x", 5000, memoryview(target))
    assert caught.value.retryable


def test_an_object_that_shrank(cloud: Cloud) -> None:
    """A range past the end is told apart from a short answer."""
    cloud.medium.write("x", b"short")

    with pytest.raises(RangeInvalid):
        cloud.store.read_range("x", 0, memoryview(bytearray(10)))


def refusal(cloud: Cloud, status: int, code: str) -> Fault:
    """An error as the cloud sends it: XML, or JSON where the engine speaks Google's JSON API."""

    def fault(seen: Seen, reply: Reply) -> None:
        reply.status = status
        told, kind = f"<Error><Code>{code}</Code><Message>on purpose</Message></Error>", "application/xml"
        if (cloud.name, cloud.engine) == ("fake-gcs", "sdk"):
            reason = {"message": "on purpose", "errors": [{"reason": code}]}
            told, kind = json.dumps({"error": {"code": status, **reason}}), "application/json"
            if seen.path.startswith("/download/"):
                told, kind = "on purpose", "text/html"
        reply.headers, reply.body = [("Content-Type", kind)], told.encode()

    return fault


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (500, "InternalError", True),
        (503, "SlowDown", True),
        (429, "TooManyRequests", True),
        (400, "MalformedXML", False),
    ],
)
def test_errors_of_the_server(cloud: Cloud, status: int, code: str, *, retryable: bool) -> None:
    """Transient ones may be tried again, and the message names status, code and object. Each costs one request."""
    store = cloud.store
    for verb, call in _CALLS.items():
        cloud.proxy.faults.append(refusal(cloud, status, code))
        with pytest.raises(StoreError) as caught:
            call(store)
        assert Unavailable is type(caught.value)
        assert retryable == caught.value.retryable
        assert str(caught.value).startswith(f"cannot {verb} object 'x': {status} ")
        assert code in str(caught.value) or (cloud.name, cloud.engine, verb) == ("fake-gcs", "sdk", "read")
        assert "on purpose" in str(caught.value)
        assert 1 == len(cloud.proxy.requests())


@pytest.mark.parametrize(("status", "code"), [(401, "Unauthorized"), (403, "AccessDenied"), (403, "Forbidden")])
def test_refused_credentials(cloud: Cloud, status: int, code: str) -> None:
    """Not to be tried again, and the message says what to check: of a verb that is denied, the permission."""
    store = cloud.store
    for verb, call in _CALLS.items():
        cloud.proxy.faults.append(refusal(cloud, status, code))
        with pytest.raises(AccessDenied, match=str(status)) as caught:
            call(store)
        assert not caught.value.retryable
        assert status == 401 or store.permissions[verb] in str(caught.value)
        assert 1 == len(cloud.proxy.requests())


FOREIGN: Final = {("azurite", "obstore"): (False, False), ("fake-gcs", "sdk"): (True, True)}
"""Whether damage to what somebody else wrote is found, without and with VerifyForeign, where it is not with only.

obstore does not tell Azure's Content-MD5. Google always tells the CRC32C of the bytes, but obstore does not pass it on:
there the ETag is the MD5.
"""


def test_foreign_objects(cloud: Cloud) -> None:
    """What somebody else wrote is compared with its MD5 when the option asks for it."""
    cloud.medium.write("x", DATA)
    found = []
    for verify in (False, True):
        store = cloud.open(VerifyForeign=verify)
        assert DATA == read(store, "x")
        cloud.proxy.faults.append(flip)
        try:
            assert DATA != read(store, "x")
            found.append(False)
        except Corrupt:
            found.append(True)

    assert FOREIGN.get((cloud.name, cloud.engine), (False, True)) == tuple(found)
