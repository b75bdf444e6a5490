"""A proxy on the way to the server, as hospitals have it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage_plugins.errors import AccessDenied, StoreError, Unavailable
from storage_plugins.testing.media import read
from tests.cloud.conftest import Cloud
from tests.servers.forward_proxy import ForwardProxy
from tests.servers.proxy import Proxy
from tests.servers.tls import Authority

NOBODY = "http://me:hunter2@127.0.0.1:9"


@pytest.fixture
def forward() -> Iterator[ForwardProxy]:
    """The proxy."""
    with ForwardProxy() as proxy:
        yield proxy


@pytest.fixture
def plain(cloud: Cloud) -> str:
    """URL of the server, without TLS."""
    return f"http://127.0.0.1:{cloud.server.port}"


@pytest.fixture
def no_variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that names no proxy."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


def test_a_tunnel(cloud: Cloud, forward: ForwardProxy, tmp_path: Path) -> None:
    """What has TLS goes through a tunnel, all of it."""
    authority = Authority(tmp_path)
    with Proxy(f"127.0.0.1:{cloud.server.port}", authority.server()) as secure:
        store = cloud.open(secure.endpoint, CAFile=str(authority.file), Proxy=forward.endpoint)
        store.put("x", b"some bytes")
        assert b"some bytes" == read(store, "x")
        store.delete("x")

        assert {f"CONNECT {secure.endpoint.removeprefix('https://')}"} == set(forward.seen)
        assert 3 == len(secure.seen)


def test_what_has_no_tls(cloud: Cloud, forward: ForwardProxy, plain: str) -> None:
    """It goes with the whole URL."""
    store = cloud.open(plain, Proxy=forward.endpoint)
    store.put("x", b"some bytes")
    assert b"some bytes" == read(store, "x")

    assert 2 == len(forward.seen)
    assert all(f" {plain}/" in target for target in forward.seen)


def test_the_usual_variables(cloud: Cloud, forward: ForwardProxy, plain: str, no_variables: pytest.MonkeyPatch) -> None:
    """Without the option they are heeded, with their exceptions."""
    no_variables.setenv("HTTP_PROXY", forward.endpoint)
    cloud.open(plain).put("x", b"1")
    assert 1 == len(forward.seen)

    no_variables.setenv("NO_PROXY", "127.0.0.1")
    cloud.open(plain).put("x", b"1")
    assert 1 == len(forward.seen)


def test_the_option_counts_for_more(
    cloud: Cloud, forward: ForwardProxy, plain: str, no_variables: pytest.MonkeyPatch
) -> None:
    """With it, no variable is heeded."""
    no_variables.setenv("HTTP_PROXY", NOBODY)
    cloud.open(plain, Proxy=forward.endpoint).put("x", b"1")
    assert 1 == len(forward.seen)

    no_variables.setenv("NO_PROXY", "127.0.0.1")
    cloud.open(plain, Proxy=forward.endpoint).put("x", b"1")
    assert 2 == len(forward.seen)


@pytest.mark.parametrize("refuse", [502, 407, 0])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_does_not_work(cloud: Cloud, forward: ForwardProxy, scheme: str, refuse: int) -> None:
    """The message names the object, tells what happened, and gives no password away. 0: nobody listens."""
    forward.refuse = refuse
    url = forward.endpoint.replace("//", "//me:hunter2@") if refuse else NOBODY
    store = cloud.open(f"{scheme}://127.0.0.1:{cloud.server.port}", Proxy=url)

    with pytest.raises(StoreError, match=r"cannot write object 'x': ") as caught:
        store.put("x", b"1")
    text = str(caught.value)
    assert "hunter2" not in text
    assert type(caught.value) in (Unavailable, AccessDenied)
    assert ("502" in text) if (refuse, scheme) == (502, "http") else ("roxy" in text)
    assert set() == cloud.medium.keys()
