"""Servers with a certificate of an authority that nobody else knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage_plugins import compose
from storage_plugins.adapters.object_store import ObjectOptions
from storage_plugins.config.orthanc import OrthancConfiguration
from storage_plugins.errors import ConfigInvalid
from storage_plugins.testing.media import read
from tests.cloud.conftest import Cloud
from tests.servers.proxy import Proxy
from tests.servers.tls import Authority

MIB = 1 << 20


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Of the hospital."""
    return Authority(tmp_path)


@pytest.fixture
def secure(cloud: Cloud, authority: Authority) -> Iterator[Proxy]:
    """The server of the cloud, with TLS."""
    with Proxy(f"127.0.0.1:{cloud.server.port}", authority.server()) as proxy:
        yield proxy


@pytest.mark.parametrize("size", [1000, 12 * MIB])
def test_a_ca_file_opens_the_way(cloud: Cloud, secure: Proxy, authority: Authority, size: int) -> None:
    """For every verb, in one request and in parts."""
    store = cloud.open(secure.endpoint, CAFile=str(authority.file))
    store.put("x", bytes(size))
    assert bytes(size) == cloud.medium.read("x")
    assert bytes(size) == read(store, "x")
    assert ["x"] == [info.key for info in store.list()]
    store.delete("x")

    assert set() == cloud.medium.keys()
    assert secure.seen
    if cloud.name == "seaweedfs":  # what TLS protects need not be signed
        puts = [one for one in secure.seen if one.method == "PUT"]
        assert {"UNSIGNED-PAYLOAD"} == {one.headers["x-amz-content-sha256"] for one in puts}
    assert [] == [one.path for one in secure.seen if "aws-chunked" in one.headers.get("Content-Encoding", "")]


def test_a_ca_file_counts_for_more_than_the_environment(
    cloud: Cloud, secure: Proxy, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the machine names the authorities of everybody."""
    folder = tmp_path / "other"
    folder.mkdir()
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(Authority(folder).file))
    cloud.open(secure.endpoint, CAFile=str(authority.file)).put("x", b"1")

    assert {"x"} == cloud.medium.keys()


def test_an_unknown_authority(cloud: Cloud, secure: Proxy) -> None:
    """Nothing is sent, it is not tried again, and the message says that it is the certificate and what to do."""
    store = cloud.open(secure.endpoint)

    with pytest.raises(ConfigInvalid, match=r"cannot write object 'x': certificate .* in CAFile"):
        store.put("x", b"1")
    with pytest.raises(ConfigInvalid, match=r"cannot read object 'x': certificate .* in CAFile"):
        read(store, "x")
    assert [] == secure.seen


def test_the_certificate_of_another_host(cloud: Cloud, authority: Authority) -> None:
    """Whom it is for counts too."""
    with Proxy(f"127.0.0.1:{cloud.server.port}", authority.server("127.0.0.2")) as other:
        store = cloud.open(other.endpoint, CAFile=str(authority.file))

        with pytest.raises(ConfigInvalid, match=r"'x': certificate .* the host in Endpoint"):
            store.put("x", b"1")
        assert [] == other.seen


def test_an_orthanc_that_names_no_authorities() -> None:
    """As in the configuration that Orthanc writes by itself."""
    section = {"Backend": "s3", "Options": {"Bucket": "b"}}
    plan = compose.plan(OrthancConfiguration({"HttpsCACertificates": "", "StoragePlugins": section}, "/etc"))

    assert isinstance(plan.options, ObjectOptions)
    assert plan.options.ca_file is None


@pytest.mark.parametrize("text", [None, "", "no certificate"])
def test_a_ca_file_that_is_none(cloud: Cloud, tmp_path: Path, text: str | None) -> None:
    """The configuration is refused before anything is sent."""
    file = tmp_path / "ca.pem"
    if text is not None:
        file.write_text(text)

    with pytest.raises(ConfigInvalid, match=f"CAFile {file}"):
        cloud.open(CAFile=str(file))
