"""Azure Blob Storage on Azurite, with both engines."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas

from storage_plugins.errors import AccessDenied, Archived, ConfigInvalid, StoreError, Unavailable
from storage_plugins.testing.media import read
from tests.cloud.conftest import Cloud, only
from tests.servers.azure import ACCOUNT, ACCOUNT_KEY, AzureMedium

pytestmark = only("azurite")


def test_archived_blobs(cloud: Cloud) -> None:
    """A blob of the tier Archive says that it must be rehydrated."""
    cloud.open(AccessTier="Archive").put("x", b"old")

    with pytest.raises(Archived, match="Rehydrate") as caught:
        read(cloud.open(), "x")
    assert not caught.value.retryable


def test_a_wrong_key(cloud: Cloud) -> None:
    """The message says what to check."""
    store = cloud.open(AccountKey="d3Jvbmc=")

    with pytest.raises(AccessDenied, match="of the account, its key"):
        store.put("x", b"1")
    with pytest.raises(AccessDenied, match="of the account, its key"):
        read(store, "x")
    with pytest.raises(AccessDenied):
        store.delete("x")


def test_secrets_that_are_none(cloud: Cloud) -> None:
    """They are refused before anything is sent, and not repeated."""
    with pytest.raises(ConfigInvalid, match="base64") as caught:
        cloud.open(AccountKey="no base 64!")
    assert "no base" not in str(caught.value)
    with pytest.raises(ConfigInvalid, match="signature") as caught:
        cloud.open(AccountKey=None, SasToken="garbage")
    assert "garbage" not in str(caught.value)
    assert [] == cloud.proxy.requests()


def test_a_delete_that_is_refused(cloud: Cloud) -> None:
    """A blob with a lease stays, and the error tells why."""
    cloud.medium.write("x", b"mine")
    lease = cloud.medium.client.get_blob_client("x").acquire_lease()

    with pytest.raises(StoreError, match=r"'x': 412 .*lease") as caught:
        cloud.open().delete("x")
    assert not caught.value.retryable
    lease.release()
    assert {"x"} == cloud.medium.keys()


def test_create_container(cloud: Cloud) -> None:
    """The container is made once, and used when it is there."""
    name = f"new{uuid.uuid4().hex[:20]}"
    cloud.open(Container=name, CreateContainer=True).put("x", b"1")

    assert b"1" == read(cloud.open(Container=name, CreateContainer=True), "x")
    assert {"x"} == AzureMedium(cloud.server.client(name)).keys()


def test_a_container_that_cannot_be_created(cloud: Cloud) -> None:
    """The reason refuses the start."""
    with pytest.raises(AccessDenied, match="cannot create container 'new-one'"):
        cloud.open(Container="new-one", CreateContainer=True, AccountKey="d3Jvbmc=")
    with pytest.raises(Unavailable, match="cannot create container 'new-one'"):
        cloud.open(Container="new-one", CreateContainer=True, Endpoint=f"http://127.0.0.1:9/{ACCOUNT}")


def _connection_string(cloud: Cloud) -> dict[str, Any]:
    endpoint = f"{cloud.proxy.endpoint}/{ACCOUNT}"
    text = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};BlobEndpoint={endpoint};"
    return {"ConnectionString": text, "Account": None, "AccountKey": None, "Endpoint": None}


def _sas(cloud: Cloud) -> str:
    return generate_container_sas(
        ACCOUNT,
        cloud.bucket,
        account_key=ACCOUNT_KEY,
        permission=ContainerSasPermissions(read=True, write=True, delete=True, list=True, create=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )


def _sas_token(cloud: Cloud) -> dict[str, Any]:
    return {"SasToken": _sas(cloud), "AccountKey": None}


def _sas_token_with_question_mark(cloud: Cloud) -> dict[str, Any]:
    return {"SasToken": f"?{_sas(cloud)}", "AccountKey": None}


def _connection_string_with_sas(cloud: Cloud) -> dict[str, Any]:
    text = f"BlobEndpoint={cloud.proxy.endpoint}/{ACCOUNT};SharedAccessSignature={_sas(cloud)}"
    return {"ConnectionString": text, "Account": None, "AccountKey": None, "Endpoint": None}


@pytest.mark.parametrize(
    "secret", [_connection_string, _sas_token, _sas_token_with_question_mark, _connection_string_with_sas]
)
def test_ways_to_name_the_account(cloud: Cloud, secret: Callable[[Cloud], dict[str, Any]]) -> None:
    """Each gives access to every verb."""
    store = cloud.open(**secret(cloud))
    store.put("ab/x", b"some bytes")

    assert b"some bytes" == read(store, "ab/x")
    assert ["ab/x"] == [info.key for info in store.list("ab/")]
    assert 10 == store.stat("ab/x").size
    store.delete("ab/x")
    assert set() == cloud.medium.keys()


def test_a_tampered_signature(cloud: Cloud) -> None:
    """A signature for something else opens nothing."""
    token = _sas(cloud).replace("sp=rcwdl", "sp=racwdl")
    store = cloud.open(AccountKey=None, SasToken=token)

    with pytest.raises(AccessDenied):
        store.put("x", b"1")
