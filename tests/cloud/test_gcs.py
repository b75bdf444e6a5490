"""Google Cloud Storage with both engines, on fake-gcs-server."""

from __future__ import annotations

import base64
import random
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import crc32c
import pytest
from google.auth.credentials import Credentials
from google.auth.exceptions import RefreshError

from storage_plugins.adapters.gcs import GcsOptions, GcsStore
from storage_plugins.errors import AccessDenied, ConfigInvalid, Corrupt, NotFound, StoreError, Unavailable
from storage_plugins.testing import contract
from storage_plugins.testing.media import read
from tests.cloud.conftest import Cloud
from tests.servers.gcs import FakeGcs
from tests.servers.proxy import Proxy, Reply, Seen

MIB = 1 << 20
ENGINES = ("obstore", "sdk")


@pytest.fixture(scope="session")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGcs]:
    """The server of this file."""
    with FakeGcs(tmp_path_factory.mktemp("fake-gcs")) as server:
        yield server


@pytest.fixture(params=ENGINES)
def rig(request: pytest.FixtureRequest, gcs: FakeGcs) -> Iterator[contract.Rig]:
    """A bucket of its own for each check and each engine."""
    name = f"b{uuid.uuid4().hex[:20]}"
    medium = gcs.bucket(name)

    def reopen() -> GcsStore:
        return GcsStore(GcsOptions(**gcs.options(name), Engine=request.param, PartSize=5))

    store = reopen()
    yield contract.Rig(store, medium, reopen)
    store.close()


@pytest.fixture(params=ENGINES)
def cloud(request: pytest.FixtureRequest, gcs: FakeGcs) -> Iterator[Cloud]:
    """A bucket behind a proxy."""
    name = f"b{uuid.uuid4().hex[:20]}"
    medium = gcs.bucket(name)
    with Proxy(f"127.0.0.1:{gcs.port}") as proxy:

        def opened(**more: Any) -> GcsStore:
            given = {**gcs.options(name, proxy.endpoint), "Engine": request.param, "PartSize": 5, **more}
            return GcsStore(GcsOptions(**given))

        store = opened()
        assert [] == proxy.requests()
        yield Cloud(store, medium, proxy, opened, request.param)
        store.close()


@pytest.mark.parametrize("check", contract.CHECKS, ids=contract.name)
def test_contract(check: contract.Check, rig: contract.Rig) -> None:
    """Every promise."""
    check(rig)


@pytest.mark.parametrize("size", [0, 1000, 6 * MIB, 23 * MIB])
def test_an_engine_reads_what_the_other_wrote(cloud: Cloud, size: int) -> None:
    """Whole and in ranges, with the checksum of the writer."""
    data = random.Random(size).randbytes(size)
    with cloud.open(Engine=next(engine for engine in ENGINES if engine != cloud.engine)) as other:
        other.put("ab/x", data)

    assert data == read(cloud.store, "ab/x")
    target = bytearray(size // 2)
    cloud.store.read_range("ab/x", size // 4, memoryview(target))
    assert data[size // 4 : size // 4 + size // 2] == target
    assert {"ab/x"} == {info.key for info in cloud.store.list("ab/")}


def test_one_request_per_verb(cloud: Cloud) -> None:
    """No HEAD, no LIST, no 100-continue, nobody else is asked."""
    data = random.Random(1).randbytes(525_000)
    cloud.store.put("ab/x", data)
    seen = list(cloud.proxy.seen)

    assert ["PUT" if cloud.engine == "obstore" else "POST"] == cloud.proxy.requests()
    assert data == read(cloud.store, "ab/x")
    assert ["GET"] == cloud.proxy.requests()
    target = bytearray(1000)
    cloud.store.read_range("ab/x", 5000, memoryview(target))
    assert data[5000:6000] == target
    assert ["GET"] == cloud.proxy.requests()
    cloud.store.delete("ab/x")
    assert ["DELETE"] == cloud.proxy.requests()
    with pytest.raises(NotFound):
        read(cloud.store, "ab/x")
    assert ["GET"] == cloud.proxy.requests()
    cloud.store.delete("ab/x")
    assert ["DELETE"] == cloud.proxy.requests()
    assert [None] == [one.headers.get("Expect") for one in seen]


@pytest.mark.parametrize("size", [1000, 12 * MIB])
def test_storage_class_and_metadata_arrive_with_the_write(cloud: Cloud, size: int) -> None:
    """Also of an object in parts. The CRC32C of the bytes lies beside them."""
    data = random.Random(3).randbytes(size)
    with cloud.open(StorageClass="NEARLINE", Metadata={"hospital": "north"}) as store:
        store.put("x", data)
    seen = list(cloud.proxy.seen)

    expected = base64.b64encode(crc32c.crc32c(data).to_bytes(4, "big")).decode()
    assert {"crc32c": expected, "hospital": "north"} == cloud.medium.metadata("x")
    assert b"NEARLINE" in seen[0].body or "NEARLINE" == seen[0].headers["x-goog-storage-class"]
    if cloud.engine == "obstore" or size == 1000:  # fake-gcs-server forgets it in a resumable upload
        assert "NEARLINE" == cloud.medium.describe("x")["storageClass"]
    assert {one.method for one in seen} <= {"POST", "PUT"}
    assert data == cloud.medium.read("x")


def test_large_objects_go_in_parts(cloud: Cloud) -> None:
    """Parts of at most PartSize, both ways."""
    data = random.Random(2).randbytes(23 * MIB)
    cloud.store.put("x", data)
    put = list(cloud.proxy.seen)
    cloud.proxy.requests()

    assert data == cloud.medium.read("x")
    assert 5 * MIB == max(len(one.body) for one in put)
    assert data == read(cloud.store, "x")
    assert ["GET"] * 5 == cloud.proxy.requests()


def test_an_object_that_changes_between_its_parts(cloud: Cloud) -> None:
    """The parts of two objects are never put together."""
    cloud.store.put("x", bytes(11 * MIB))

    def replace(size: int) -> memoryview:
        cloud.medium.write("x", b"1" * size)
        return memoryview(bytearray(size))

    with pytest.raises(StoreError, match="412"):
        cloud.store.read("x", replace)


def test_a_damaged_answer_is_never_data(cloud: Cloud) -> None:
    """One bit is wrong."""
    cloud.store.put("x", bytes(1000))

    def flip(_: Seen, reply: Reply) -> None:
        reply.body = b"\4" + reply.body[1:]

    cloud.proxy.faults.append(flip)
    with pytest.raises(Corrupt):
        read(cloud.store, "x")


def test_a_missing_bucket_is_a_wrong_configuration(cloud: Cloud) -> None:
    """Not an object that is not there."""
    with cloud.open(Bucket="nowhere") as store:
        for call in (
            lambda: store.put("x", b"1"),
            lambda: store.put("x", bytes(12 * MIB)),
            lambda: read(store, "x"),
            lambda: list(store.list()),
        ):
            with pytest.raises(ConfigInvalid, match="Create the bucket"):
                call()


def refusal(engine: str, status: int, reason: str) -> Callable[[Seen, Reply], None]:
    """An error as Google sends it."""

    def fault(seen: Seen, reply: Reply) -> None:
        reply.status = status
        if engine == "obstore":
            reply.headers = [("Content-Type", "application/xml")]
            reply.body = f"<Error><Code>{reason}</Code><Message>on purpose</Message></Error>".encode()
        elif seen.path.startswith("/download/"):
            reply.headers = [("Content-Type", "text/html")]
            reply.body = b"on purpose"
        else:
            reply.headers = [("Content-Type", "application/json")]
            reply.body = (
                f'{{"error":{{"code":{status},"message":"on purpose","errors":[{{"reason":"{reason}"}}]}}}}'.encode()
            )

    return fault


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (401, "required", AccessDenied),
        (403, "forbidden", AccessDenied),
        (403, "AccessDenied", AccessDenied),
        (429, "rateLimitExceeded", Unavailable),
        (503, "backendError", Unavailable),
    ],
)
def test_refusals(cloud: Cloud, status: int, reason: str, kind: type[StoreError]) -> None:
    """Each costs one request, and says what the server said."""
    for call in (
        lambda: cloud.store.put("x", b"1"),
        lambda: read(cloud.store, "x"),
        lambda: cloud.store.delete("x"),
    ):
        cloud.proxy.faults.append(refusal(cloud.engine, status, reason))
        with pytest.raises(kind) as caught:
            call()
        assert 1 == len(cloud.proxy.requests())
        assert str(status) in str(caught.value)
        assert "on purpose" in str(caught.value) or status == 401


class Identity(Credentials):
    """Gives tokens for an hour, one after the other, or none."""

    def __init__(self, *, valid: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0
        self._valid = valid

    def refresh(self, request: object) -> None:
        """See google-auth."""
        del request
        if not self._valid:
            msg = "invalid_grant: the account is gone"
            raise RefreshError(msg, retryable=False)
        self.count += 1
        self.token = f"token-{self.count}"
        self.expiry = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)


def test_a_token_serves_until_it_expires(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request has it, and one is enough."""
    identity = Identity(valid=True)
    monkeypatch.setattr("storage_plugins.adapters.gcs_credentials.find", lambda _: identity)
    with cloud.open(Anonymous=False) as store:
        for key in ("x", "y"):
            store.put(key, b"1")
            assert b"1" == read(store, key)

    assert {"Bearer token-1"} == {one.headers["Authorization"] for one in cloud.proxy.seen}
    assert 1 == identity.count


def test_an_account_that_is_gone(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is not even asked."""
    monkeypatch.setattr("storage_plugins.adapters.gcs_credentials.find", lambda _: Identity(valid=False))
    with cloud.open(Anonymous=False) as store, pytest.raises(StoreError, match="the account is gone"):
        store.put("x", b"1")
    assert [] == cloud.proxy.requests()


@pytest.mark.parametrize("text", [None, "", "{}", '{"type": "service_account", "private_key": "no"}'])
def test_a_key_file_that_is_none(text: str | None, tmp_path: Path) -> None:
    """The configuration is refused before Orthanc starts, without the file's content."""
    file = tmp_path / "key.json"
    if text is not None:
        file.write_text(text)
    for engine in ENGINES:
        with pytest.raises(ConfigInvalid, match="ServiceAccountFile"):
            GcsStore(GcsOptions(Bucket="b", ServiceAccountFile=str(file), Engine=engine))


@pytest.mark.parametrize("name", ["KmsKey", "UserProject"])
def test_options_that_only_one_engine_has(name: str) -> None:
    """They are not ignored."""
    with pytest.raises(ValueError, match=f'{name} needs Engine "sdk"'):
        GcsOptions.model_validate({"Bucket": "b", name: "x"})


def test_nobody_listens() -> None:
    """Unavailable, soon."""
    for engine in ENGINES:
        options = GcsOptions(Bucket="b", Endpoint="http://127.0.0.1:9", Anonymous=True, Engine=engine)
        with GcsStore(options) as store, pytest.raises(Unavailable, match="Check the endpoint"):
            read(store, "x")
