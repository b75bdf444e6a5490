"""The policy of the Terraform module, enforced: what the plugin does is allowed, and nothing else is."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from botocore.exceptions import ClientError

from storage_plugins import preflight
from storage_plugins.adapters.memory import MemoryOptions, MemoryStore
from storage_plugins.adapters.s3 import S3Options, S3Store
from storage_plugins.errors import AccessDenied, NotFound, Unavailable
from storage_plugins.layers.second_choice import SecondChoiceLayer
from storage_plugins.testing import contract
from storage_plugins.testing.contract import Rig
from storage_plugins.testing.media import read
from storage_plugins.testing.orthanc import Orthanc
from tests import dicom
from tests.cloud.conftest import ENGINES
from tests.servers.proxy import Proxy, Reply, Seen
from tests.servers.s3 import REGION, MotoIam, S3Medium
from tests.terraform.program import Terraform

MIB: Final = 1 << 20
PREFIX: Final = "radiology"
KEY: Final = "arn:aws:kms:us-east-1:123456789012:key/1"
"""With one that is given the policy is known before anything is made."""
EACH_ENGINE: Final = pytest.mark.parametrize("engine", ENGINES)


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MotoIam]:
    """It knows nobody but its administrator."""
    with MotoIam(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="module")
def bucket(moto: MotoIam) -> S3Medium:
    """As the administrator sees it."""
    return moto.bucket(f"b{uuid.uuid4().hex[:20]}")


@pytest.fixture(scope="module")
def policies(bucket: S3Medium, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Renders the policy with variables of the module."""
    terraform = Terraform(tmp_path_factory.mktemp("terraform"))

    @cache
    def render(**variables: Any) -> str:
        given = {"bucket": bucket.bucket, "runs_on": "policy_only", "kms_key_arn": KEY, **variables}
        planned = terraform.planned("modules/s3", given)["planned_values"]
        return str(planned["outputs"]["policy_json"]["value"])

    return render


class Desk:
    """Opens stores on the bucket, as somebody."""

    def __init__(self, moto: MotoIam, bucket: S3Medium) -> None:
        self.moto = moto
        self.bucket = bucket

    def options(self, policy: str, engine: str, at: str = "") -> dict[str, Any]:
        """Of a new principal."""
        own = self.moto.options(self.bucket.bucket, at)
        return {**own, **self.moto.principal(policy), "Engine": engine, "PartSize": 5}

    def open(self, policy: str, engine: str, at: str = "") -> S3Store:
        """For a new principal."""
        return S3Store(S3Options.model_validate(self.options(policy, engine, at)))


@pytest.fixture
def desk(moto: MotoIam, bucket: S3Medium) -> Iterator[Desk]:
    """The bucket is empty before and afterwards."""
    yield Desk(moto, bucket)
    for key in sorted(bucket.keys()):
        bucket.delete(key)
    found = bucket.client.list_multipart_uploads(Bucket=bucket.bucket).get("Uploads", ())
    for upload in found:
        bucket.client.abort_multipart_upload(Bucket=bucket.bucket, Key=upload["Key"], UploadId=upload["UploadId"])


@EACH_ENGINE
def test_the_contract(desk: Desk, policies: Callable[..., str], engine: str) -> None:
    """Every promise is kept with the policy that has "allow_list", which `list` needs."""
    options = S3Options.model_validate(desk.options(policies(allow_list=True), engine))
    with S3Store(options) as store:
        rig = Rig(store, desk.bucket, lambda: S3Store(options), largest=6 * MIB)
        assert [] == [(result.name, result.error) for result in contract.run(rig) if result.error is not None]


@EACH_ENGINE
def test_orthanc_needs_no_list(desk: Desk, policies: Callable[..., str], engine: str) -> None:
    """By default every verb but `list` is allowed below the prefix, and the try before the start goes well."""
    with desk.open(policies(prefix=PREFIX), engine) as store:
        preflight.run(store, f"{PREFIX}/")
        for size in (1000, 11 * MIB):
            store.put(f"{PREFIX}/x", bytes(size))
            assert bytes(size) == read(store, f"{PREFIX}/x")
        assert 11 * MIB == store.stat(f"{PREFIX}/x").size
        assert {} == store.delete_many([f"{PREFIX}/x", f"{PREFIX}/y"])
        assert set() == desk.bucket.keys()
        with pytest.raises(AccessDenied, match="s3:ListBucket"):
            list(store.list())


@EACH_ENGINE
def test_outside_of_the_prefix(desk: Desk, policies: Callable[..., str], engine: str) -> None:
    """There is nothing to be had."""
    with desk.open(policies(prefix=PREFIX), engine) as store:
        for key in ("x", f"{PREFIX}x/x", f"{PREFIX}.x"):
            desk.bucket.write(key, b"1")
            with pytest.raises(AccessDenied, match="s3:PutObject"):
                store.put(key, b"2")
            with pytest.raises(AccessDenied, match="s3:GetObject"):
                read(store, key)
            with pytest.raises(AccessDenied, match="s3:DeleteObject"):
                store.delete(key)
            assert b"1" == desk.bucket.read(key)


BEYOND: Final[dict[str, dict[str, Any]]] = {
    "list_objects_v2": {},
    "list_object_versions": {},
    "list_multipart_uploads": {},
    "get_bucket_policy": {},
    "put_bucket_policy": {"Policy": '{"Version": "2012-10-17", "Statement": []}'},
    "put_bucket_versioning": {"VersioningConfiguration": {"Status": "Suspended"}},
    "put_bucket_acl": {"ACL": "public-read"},
    "delete_bucket": {},
    "get_object_acl": {"Key": f"{PREFIX}/x"},
    "put_object_acl": {"Key": f"{PREFIX}/x", "ACL": "public-read"},
    "get_object_tagging": {"Key": f"{PREFIX}/x"},
    "put_object_tagging": {"Key": f"{PREFIX}/x", "Tagging": {"TagSet": []}},
    "restore_object": {"Key": f"{PREFIX}/x", "RestoreRequest": {"Days": 1}},
}


@pytest.mark.parametrize("call", BEYOND)
def test_what_the_plugin_does_not_do(desk: Desk, policies: Callable[..., str], call: str) -> None:
    """It is denied, also in the bucket and below the prefix."""
    desk.bucket.write(f"{PREFIX}/x", b"1")
    client = _client(desk, policies(prefix=PREFIX))
    with pytest.raises(ClientError, match=r"\((AccessDenied|403)\)"):
        getattr(client, call)(Bucket=desk.bucket.bucket, **BEYOND[call])
    assert b"1" == desk.bucket.read(f"{PREFIX}/x")


def test_other_buckets(desk: Desk, policies: Callable[..., str]) -> None:
    """Nor is anything allowed anywhere else."""
    other = desk.moto.bucket(f"{desk.bucket.bucket}-other")
    other.write(f"{PREFIX}/x", b"1")
    client = _client(desk, policies(prefix=PREFIX))
    where = {"Bucket": other.bucket, "Key": f"{PREFIX}/x"}
    for call in (
        lambda: client.get_object(**where),
        lambda: client.put_object(**where, Body=b"2"),
        lambda: client.delete_object(**where),
        lambda: client.create_bucket(Bucket=f"{other.bucket}-new"),
        client.list_buckets,
    ):
        with pytest.raises(ClientError, match=r"\((AccessDenied|403)\)"):
            call()
    assert b"1" == other.read(f"{PREFIX}/x")
    other.remove()


VERBS: Final[dict[str, Callable[[S3Store], object]]] = {
    "s3:PutObject": lambda store: store.put("x", b"2"),
    "s3:GetObject": lambda store: read(store, "x"),
    "s3:DeleteObject": lambda store: store.delete("x"),
    "s3:ListBucket": lambda store: list(store.list()),
}


@EACH_ENGINE
@pytest.mark.parametrize("action", VERBS)
def test_each_action_is_needed(desk: Desk, policies: Callable[..., str], action: str, engine: str) -> None:
    """Without it the verb fails, and the message names it; the others work."""
    desk.bucket.write("x", b"1")
    policy = without(action, policies(allow_list=True))
    with desk.open(policy, engine) as store:
        with pytest.raises(AccessDenied, match=f"The identity needs on the bucket: {action}"):
            VERBS[action](store)
        for call in (VERBS[other] for other in VERBS if other != action):
            call(store)


@EACH_ENGINE
@pytest.mark.parametrize("allowed", [True, False])
def test_an_upload_that_fails(desk: Desk, policies: Callable[..., str], engine: str, allowed: bool) -> None:
    """Who may not abort it leaves its parts; and obstore then tells of that, and not of what had failed."""

    def spoil(_: Seen, reply: Reply) -> None:
        reply.status, reply.headers, reply.body = 500, [], b""

    policy = policies() if allowed else without("s3:AbortMultipartUpload", policies())
    told = Unavailable if allowed or engine == "sdk" else AccessDenied
    with Proxy(f"127.0.0.1:{desk.moto.port}") as proxy, desk.open(policy, engine, proxy.endpoint) as store:
        proxy.faults.extend([None, spoil])
        with pytest.raises(told, match="cannot write object 'x'"):
            store.put("x", bytes(11 * MIB))
    assert ([] if allowed else ["x"]) == desk.bucket.uploads()


def without(action: str, policy: str) -> str:
    """A policy that allows one action less."""
    document = json.loads(policy)
    before = [statement["Action"] for statement in document["Statement"]]
    for statement in document["Statement"]:
        assert "Allow" == statement["Effect"]
        statement["Action"] = [one for one in statement["Action"] if one != action]
    assert before != [statement["Action"] for statement in document["Statement"]]
    document["Statement"] = [statement for statement in document["Statement"] if statement["Action"]]
    return json.dumps(document)


class Silent(Proxy):
    """Answers like Amazon to somebody without s3:ListBucket: whether an object is there is not for him to know."""

    def ask(self, seen: Seen) -> Reply:
        """See Proxy."""
        reply = super().ask(seen)
        if reply.status == 404 and seen.method in ("GET", "HEAD"):
            reply.status = 403
            reply.headers = [("Content-Type", "application/xml")]
            reply.body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        return reply


@EACH_ENGINE
def test_a_missing_object_without_list(desk: Desk, policies: Callable[..., str], engine: str) -> None:
    """It looks like one that must not be read, so a second place is not asked; a delete is no error."""
    with Silent(f"127.0.0.1:{desk.moto.port}") as silent, desk.open(policies(), engine, silent.endpoint) as store:
        preflight.run(store)
        with pytest.raises(AccessDenied, match="s3:GetObject"):
            read(store, "x")
        store.delete("x")
        assert {} == store.delete_many(["x", "y"])
        with pytest.raises(AccessDenied):
            preflight.run(store, read_only=True)
        second = MemoryStore(MemoryOptions())
        second.put("x", b"1")
        with pytest.raises(AccessDenied):
            read(SecondChoiceLayer(store, second), "x")


@EACH_ENGINE
def test_a_missing_object_with_list(desk: Desk, policies: Callable[..., str], engine: str) -> None:
    """It is not found, and a second place is asked."""
    with desk.open(policies(allow_list=True), engine) as store:
        preflight.run(store, read_only=True)
        with pytest.raises(NotFound):
            read(store, "x")
        second = MemoryStore(MemoryOptions())
        second.put("x", b"1")
        assert b"1" == read(SecondChoiceLayer(store, second), "x")


@pytest.mark.parametrize(("silent", "status"), [(True, 500), (False, 404)], ids=["no-list", "list"])
def test_what_orthanc_shows(
    desk: Desk, policies: Callable[..., str], tmp_path: Path, silent: bool, status: int
) -> None:
    """A real Orthanc works with the policy. That an object is gone is a 404 only to who may list."""
    policy = policies(allow_list=not silent)
    with (Silent if silent else Proxy)(f"127.0.0.1:{desk.moto.port}") as proxy:
        section = {
            "Backend": "s3",
            "Options": desk.options(policy, "obstore", proxy.endpoint),
            "Retry": {"Deadline": 4},
        }
        with Orthanc(tmp_path, {"StoragePlugins": section}) as orthanc:
            data = dicom.sample()
            kept, lost = orthanc.upload(data), orthanc.upload(dicom.instance(1))
            (key,) = (key for key in sorted(desk.bucket.keys()) if desk.bucket.read(key) != data)
            desk.bucket.delete(key)

            assert data == orthanc.get(f"/instances/{kept}/file").body
            assert status == orthanc.get(f"/instances/{lost}/file").status
            for instance in (kept, lost):
                assert 200 == orthanc.delete(f"/instances/{instance}").status
            assert set() == desk.bucket.keys()


def _client(desk: Desk, policy: str) -> Any:
    """boto3, as a new principal."""
    given = desk.moto.principal(policy)
    return boto3.client(
        "s3",
        endpoint_url=desk.moto.endpoint,
        region_name=REGION,
        aws_access_key_id=given["AccessKey"],
        aws_secret_access_key=given["SecretKey"],
        aws_session_token=given["SessionToken"],
    )
