"""Answers that are not what was stored."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from storage_plugins.errors import Corrupt, RangeInvalid, StoreError, Unavailable
from storage_plugins.testing.media import read
from tests.cloud.conftest import Cloud
from tests.servers.proxy import Fault, Reply, Seen

DATA = bytes(range(256)) * 4096


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


def answer(status: int, code: str = "", *, wait: str = "") -> Callable[[Seen, Reply], None]:
    """An error as S3 sends it."""

    def fault(_: Seen, reply: Reply) -> None:
        reply.status = status
        reply.headers = [("Content-Type", "application/xml")]
        if wait:
            reply.headers.append(("Retry-After", wait))
        reply.body = f"<Error><Code>{code}</Code><Message>on purpose</Message></Error>".encode()

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
    """Transient ones may be tried again, and the message names status, code and object."""
    cloud.proxy.faults.append(answer(status, code))

    with pytest.raises(StoreError) as caught:
        cloud.store.put("x", b"1")
    assert Unavailable is type(caught.value)
    assert retryable == caught.value.retryable
    assert f"cannot write object 'x': {status} {code} on purpose" == str(caught.value)
    assert ["PUT"] == cloud.proxy.requests()


def test_foreign_objects(cloud: Cloud) -> None:
    """What somebody else wrote is compared with its MD5 when the option asks for it."""
    cloud.medium.write("x", DATA)
    cloud.proxy.faults.extend([flip, flip])

    assert DATA != read(cloud.store, "x")
    with cloud.open(VerifyForeign=True) as store, pytest.raises(Corrupt):
        read(store, "x")
