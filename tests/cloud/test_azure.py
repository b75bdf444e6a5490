"""Azure Blob Storage on Azurite, with both engines."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from pydantic import ValidationError

from storage_plugins.adapters.azure import AzureOptions, AzureStore
from storage_plugins.errors import AccessDenied, Archived, ConfigInvalid, Corrupt, NotFound, StoreError, Unavailable
from storage_plugins.testing import contract
from storage_plugins.testing.media import read
from tests.servers import Servers
from tests.servers.azure import ACCOUNT, ACCOUNT_KEY, AzureMedium, Azurite
from tests.servers.proxy import Proxy, Reply, Seen

MIB = 1 << 20
ENGINES = ("obstore", "sdk")
DELETE = {"obstore": "POST", "sdk": "DELETE"}
"""obstore deletes each blob of Azure as a batch of one."""
OTHER = {"obstore": "sdk", "sdk": "obstore"}


@pytest.fixture(scope="module")
def azurite(servers: Servers) -> Azurite:
    """One server for all tests."""
    found: Azurite = servers.get("azurite")
    return found


@dataclass(slots=True)
class Container:
    """A container of its own on the server, whose stores go through a proxy."""

    server: Azurite
    name: str
    medium: AzureMedium
    proxy: Proxy
    engine: str
    stack: ExitStack

    def open(self, **more: Any) -> AzureStore:
        """A store on the container. `None` leaves an option out."""
        given = {**self.server.options(self.name, self.proxy.endpoint), "Engine": self.engine, "PartSize": 5, **more}
        store = AzureStore(AzureStore.Options(**{name: value for name, value in given.items() if value is not None}))
        self.stack.callback(store.close)
        return store


@pytest.fixture(params=ENGINES)
def container(request: pytest.FixtureRequest, azurite: Azurite) -> Iterator[Container]:
    """For each engine."""
    name = f"b{uuid.uuid4().hex[:20]}"
    with ExitStack() as stack:
        proxy = stack.enter_context(Proxy(f"127.0.0.1:{azurite.port}"))
        medium = azurite.bucket(name)
        stack.callback(medium.client.close)
        yield Container(azurite, name, medium, proxy, request.param, stack)


@pytest.mark.parametrize("check", contract.CHECKS, ids=contract.name)
def test_contract(check: contract.Check, container: Container) -> None:
    """It keeps every promise of a store."""
    at_once = {"Endpoint": container.server.endpoint}

    check(contract.Rig(container.open(**at_once), container.medium, lambda: container.open(**at_once)))


@pytest.mark.parametrize("size", [0, 1, 100_000, 12 * MIB])
def test_each_engine_reads_what_the_other_wrote(container: Container, size: int) -> None:
    """The engine may be changed at any time."""
    data = random.Random(3).randbytes(size)
    container.open(Engine=OTHER[container.engine]).put("ab/x", data)

    assert data == read(container.open(), "ab/x")


def test_one_request_per_verb(container: Container) -> None:
    """A put is one PUT, a read and a range one GET, a delete one request: no HEAD, no LIST."""
    store = container.open()
    data = random.Random(1).randbytes(525_000)

    store.put("ab/x", data)
    assert ["PUT"] == container.proxy.requests()
    assert data == read(store, "ab/x")
    assert ["GET"] == container.proxy.requests()
    target = bytearray(1000)
    store.read_range("ab/x", 5000, memoryview(target))
    assert data[5000:6000] == target
    assert ["GET"] == container.proxy.requests()
    store.delete("ab/x")
    assert [DELETE[container.engine]] == container.proxy.requests()


def test_failures_cost_one_request_too(container: Container) -> None:
    """What is not there is known after one request."""
    store = container.open()

    with pytest.raises(NotFound):
        read(store, "nothing")
    assert ["GET"] == container.proxy.requests()
    store.delete("nothing")
    assert [DELETE[container.engine]] == container.proxy.requests()


def test_an_empty_blob(container: Container) -> None:
    """azure-storage-blob asks for a range first and is refused: only the empty blob costs it a second GET."""
    store = container.open()
    store.put("x", b"")

    assert ["PUT"] == container.proxy.requests()
    assert b"" == read(store, "x")
    assert {"obstore": ["GET"], "sdk": ["GET", "GET"]}[container.engine] == container.proxy.requests()


@pytest.mark.parametrize("cut", [False, True])
def test_a_short_answer_is_not_repaired(container: Container, *, cut: bool) -> None:
    """It is Corrupt after one request: asking again is for the layer above."""

    def spoil(_: Seen, reply: Reply) -> None:
        if cut:
            reply.cut = len(reply.body) // 2
        else:
            reply.body = reply.body[: len(reply.body) // 2]

    store = container.open()
    store.put("x", bytes(100_000))
    container.proxy.requests()
    container.proxy.faults.append(spoil)

    with pytest.raises(Corrupt) as caught:
        read(store, "x")
    assert caught.value.retryable
    assert ["GET"] == container.proxy.requests()


@pytest.mark.parametrize("size", [1, 12 * MIB])
def test_attributes_come_with_the_blob(container: Container, size: int) -> None:
    """Tier, tags and metadata are there when the blob is: they are no requests of their own."""
    store = container.open(AccessTier="Cool", Tags={"kind": "dicom", "site": "a b"}, Metadata={"origin": "ward"})
    store.put("x", bytes(size))
    writes = container.proxy.requests()

    found = container.medium.properties("x")
    assert "Cool" == found.blob_tier
    assert {"origin": "ward"} == {name: value for name, value in found.metadata.items() if name != "crc32c"}
    assert found.metadata["crc32c"]
    assert {"kind": "dicom", "site": "a b"} == container.medium.tags("x")
    assert ["PUT"] * (1 if size == 1 else 4) == writes
    assert bytes(size) == read(store, "x")


def test_archived_blobs(container: Container) -> None:
    """A blob of the tier Archive says that it must be rehydrated."""
    container.open(AccessTier="Archive").put("x", b"old")

    with pytest.raises(Archived, match="Rehydrate") as caught:
        read(container.open(), "x")
    assert not caught.value.retryable


def test_a_wrong_key(container: Container) -> None:
    """The message says what to check."""
    store = container.open(AccountKey="d3Jvbmc=")

    with pytest.raises(AccessDenied, match="of the account, its key"):
        store.put("x", b"1")
    with pytest.raises(AccessDenied, match="of the account, its key"):
        read(store, "x")
    with pytest.raises(AccessDenied):
        store.delete("x")


def test_secrets_that_are_none(container: Container) -> None:
    """They are refused before anything is sent, and not repeated."""
    with pytest.raises(ConfigInvalid, match="base64") as caught:
        container.open(AccountKey="no base 64!")
    assert "no base" not in str(caught.value)
    with pytest.raises(ConfigInvalid, match="signature") as caught:
        container.open(AccountKey=None, SasToken="garbage")
    assert "garbage" not in str(caught.value)
    assert [] == container.proxy.requests()


def test_a_delete_that_is_refused(container: Container) -> None:
    """A blob with a lease stays, and the error tells why."""
    container.medium.write("x", b"mine")
    lease = container.medium.client.get_blob_client("x").acquire_lease()

    with pytest.raises(StoreError, match=r"'x': 412 .*lease") as caught:
        container.open().delete("x")
    assert not caught.value.retryable
    lease.release()
    assert {"x"} == container.medium.keys()


def test_a_missing_container(container: Container) -> None:
    """It is a mistake in the configuration, and not an object that is not there.

    A delete with obstore cannot tell: Azurite's answer to a batch is the same for both.
    """
    store = container.open(Container="not-there")

    with pytest.raises(ConfigInvalid, match="CreateContainer"):
        store.put("x", b"1")
    with pytest.raises(ConfigInvalid, match="CreateContainer"):
        read(store, "x")
    with pytest.raises(ConfigInvalid, match="CreateContainer"):
        list(store.list())


@pytest.mark.parametrize("name", ["Images", "ab", "a--b", "a_b", "-ab", "a" * 64])
def test_impossible_names_of_containers(name: str) -> None:
    """They are refused before anything is opened."""
    with pytest.raises(ValidationError, match="Container"):
        AzureOptions.model_validate({"Container": name, "Account": ACCOUNT})


def test_create_container(container: Container) -> None:
    """The container is made once, and used when it is there."""
    name = f"new{uuid.uuid4().hex[:20]}"
    container.open(Container=name, CreateContainer=True).put("x", b"1")

    assert b"1" == read(container.open(Container=name, CreateContainer=True), "x")
    assert {"x"} == AzureMedium(container.server.client(name)).keys()


def test_a_container_that_cannot_be_created(container: Container) -> None:
    """The reason refuses the start."""
    with pytest.raises(AccessDenied, match="cannot create container 'new-one'"):
        container.open(Container="new-one", CreateContainer=True, AccountKey="d3Jvbmc=")
    with pytest.raises(Unavailable, match="cannot create container 'new-one'"):
        container.open(Container="new-one", CreateContainer=True, Endpoint=f"http://127.0.0.1:9/{ACCOUNT}")


def test_large_objects_go_in_parts(container: Container) -> None:
    """Parts of at most PartSize, both ways, and the object is whole."""
    data = random.Random(2).randbytes(23 * MIB)
    store = container.open()
    store.put("x", data)
    put = [len(one.body) for one in container.proxy.seen]
    container.proxy.requests()

    assert data == container.medium.read("x")
    assert 5 * MIB == max(put)
    assert data == read(store, "x")
    assert ["GET"] * 5 == container.proxy.requests()


def _connection_string(container: Container) -> dict[str, Any]:
    endpoint = f"{container.proxy.endpoint}/{ACCOUNT}"
    text = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};BlobEndpoint={endpoint};"
    return {"ConnectionString": text, "Account": None, "AccountKey": None, "Endpoint": None}


def _sas(container: Container) -> str:
    return generate_container_sas(
        ACCOUNT,
        container.name,
        account_key=ACCOUNT_KEY,
        permission=ContainerSasPermissions(read=True, write=True, delete=True, list=True, create=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )


def _sas_token(container: Container) -> dict[str, Any]:
    return {"SasToken": _sas(container), "AccountKey": None}


def _sas_token_with_question_mark(container: Container) -> dict[str, Any]:
    return {"SasToken": f"?{_sas(container)}", "AccountKey": None}


def _connection_string_with_sas(container: Container) -> dict[str, Any]:
    text = f"BlobEndpoint={container.proxy.endpoint}/{ACCOUNT};SharedAccessSignature={_sas(container)}"
    return {"ConnectionString": text, "Account": None, "AccountKey": None, "Endpoint": None}


@pytest.mark.parametrize(
    "secret", [_connection_string, _sas_token, _sas_token_with_question_mark, _connection_string_with_sas]
)
def test_ways_to_name_the_account(container: Container, secret: Callable[[Container], dict[str, Any]]) -> None:
    """Each gives access to every verb."""
    store = container.open(**secret(container))
    store.put("ab/x", b"some bytes")

    assert b"some bytes" == read(store, "ab/x")
    assert ["ab/x"] == [info.key for info in store.list("ab/")]
    assert 10 == store.stat("ab/x").size
    store.delete("ab/x")
    assert set() == container.medium.keys()


def test_a_tampered_signature(container: Container) -> None:
    """A signature for something else opens nothing."""
    token = _sas(container).replace("sp=rcwdl", "sp=racwdl")
    store = container.open(AccountKey=None, SasToken=token)

    with pytest.raises(AccessDenied):
        store.put("x", b"1")
