"""What the options do, told by the server, or by the request where the server keeps nothing of it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from storage_plugins.adapters.azure import AzureOptions
from storage_plugins.adapters.gcs import GcsOptions
from storage_plugins.adapters.object_store import ObjectOptions
from storage_plugins.adapters.s3 import S3Options
from storage_plugins.store import Store
from storage_plugins.testing.media import read
from tests.cloud.conftest import Cloud, cases, only
from tests.servers.proxy import Seen

MIB = 1 << 20
SIZES = pytest.mark.parametrize("size", [1000, 12 * MIB])
"""In one request, and in parts."""
KMS_KEY = "projects/p/locations/l/keyRings/r/cryptoKeys/k"


def use(store: Store, size: int) -> None:
    """Every verb once."""
    store.put("x", bytes(size))
    assert bytes(size) == read(store, "x")
    assert size == store.stat("x").size
    assert ["x"] == [info.key for info in store.list()]
    store.delete("x")


@only("seaweedfs")
@SIZES
@pytest.mark.parametrize(
    ("options", "sent", "told"),
    [
        ({}, {}, {}),
        ({"Encryption": "AES256"}, {"": "AES256"}, {"ServerSideEncryption": "AES256"}),
        (
            {"Encryption": "aws:kms", "KmsKeyId": "my-key", "BucketKey": True},
            {"": "aws:kms", "-aws-kms-key-id": "my-key", "-bucket-key-enabled": "true"},
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "my-key"},
        ),
        (
            {"Encryption": "aws:kms", "KmsKeyId": "my-key", "BucketKey": False},
            {"": "aws:kms", "-aws-kms-key-id": "my-key", "-bucket-key-enabled": "false"},
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "my-key"},
        ),
        (
            {"Encryption": "aws:kms:dsse", "KmsKeyId": "my-key"},
            {"": "aws:kms:dsse", "-aws-kms-key-id": "my-key"},
            {},  # SeaweedFS does not know it
        ),
    ],
    ids=["none", "sse-s3", "sse-kms", "sse-kms-no-bucket-key", "dsse"],
)
def test_encryption_on_s3(
    cloud: Cloud, options: dict[str, Any], sent: dict[str, str], told: dict[str, str], size: int
) -> None:
    """The request that begins an object asks for it, and for nothing more."""
    prefix = "x-amz-server-side-encryption"
    cloud.open(**options).put("x", bytes(size))
    first = cloud.proxy.seen[0]

    assert {prefix + name: value for name, value in sent.items()} == headers(first, prefix)
    assert told.items() <= cloud.medium.describe("x").items()
    assert bytes(size) == read(cloud.store, "x")


@only("seaweedfs")
@SIZES
def test_class_tags_and_metadata_on_s3(cloud: Cloud, size: int) -> None:
    """They are there when the object is: they are no requests of their own."""
    store = cloud.open(StorageClass="STANDARD_IA", Tags={"a": "b c", "d": "e&f"}, Metadata={"origin": "ward"})
    store.put("x", bytes(size))
    writes = cloud.proxy.requests()

    assert (["PUT"] if size == 1000 else ["POST", "PUT", "PUT", "PUT", "POST"]) == writes
    assert "STANDARD_IA" == cloud.medium.describe("x")["StorageClass"]
    assert "ward" == cloud.medium.metadata("x")["origin"]
    assert {"a": "b c", "d": "e&f"} == cloud.medium.tags("x")


@only("seaweedfs")
@SIZES
def test_requester_pays(cloud: Cloud, size: int) -> None:
    """Every request says it."""
    use(cloud.open(RequesterPays=True), size)
    assert {"requester"} == {one.headers.get("x-amz-request-payer") for one in cloud.proxy.seen}

    cloud.proxy.requests()
    use(cloud.store, size)
    assert {None} == {one.headers.get("x-amz-request-payer") for one in cloud.proxy.seen}


@only("azurite")
@SIZES
def test_attributes_on_azure(cloud: Cloud, size: int) -> None:
    """Tier, tags and metadata are there when the blob is: they are no requests of their own."""
    store = cloud.open(AccessTier="Cool", Tags={"kind": "dicom", "site": "a b"}, Metadata={"origin": "ward"})
    store.put("x", bytes(size))
    writes = cloud.proxy.requests()

    assert ["PUT"] * (1 if size == 1000 else 4) == writes
    assert "Cool" == cloud.medium.properties("x").blob_tier
    assert "ward" == cloud.medium.metadata("x")["origin"]
    assert {"kind": "dicom", "site": "a b"} == cloud.medium.tags("x")


@SIZES
@cases(("azurite", "sdk"))
def test_encryption_scope(cloud: Cloud, size: int) -> None:
    """Every request that writes names it; Azurite does not keep it."""
    store = cloud.open(EncryptionScope="north")
    store.put("x", bytes(size))

    assert {"north"} == {one.headers.get("x-ms-encryption-scope") for one in cloud.proxy.seen}
    assert bytes(size) == read(store, "x")


@only("fake-gcs")
@SIZES
def test_class_and_metadata_on_gcs(cloud: Cloud, size: int) -> None:
    """They are there when the object is."""
    cloud.open(StorageClass="NEARLINE", Metadata={"origin": "ward"}).put("x", bytes(size))
    first = cloud.proxy.seen[0]

    assert {"POST", "PUT"} >= set(cloud.proxy.requests())
    assert "ward" == cloud.medium.metadata("x")["origin"]
    assert b"NEARLINE" in first.body or "NEARLINE" == first.headers["x-goog-storage-class"]
    if cloud.engine == "obstore" or size == 1000:  # fake-gcs-server forgets it in a resumable upload
        assert "NEARLINE" == cloud.medium.describe("x")["storageClass"]


@SIZES
@cases(("fake-gcs", "sdk"))
def test_kms_key_on_gcs(cloud: Cloud, size: int) -> None:
    """The request that begins an object names it."""
    cloud.open(KmsKey=KMS_KEY).put("x", bytes(size))

    assert f"kmsKeyName={KMS_KEY}" in cloud.proxy.seen[0].path.replace("%2F", "/")


@only("fake-gcs")
@SIZES
def test_user_project(cloud: Cloud, size: int) -> None:
    """Every request names who pays, in a header or in the URL. An upload that goes on has said it at its start."""
    use(cloud.open(UserProject="payer"), size)
    silent = [
        one
        for one in cloud.proxy.seen
        if one.headers.get("x-goog-user-project") != "payer"
        and "userProject=payer" not in one.path
        and "upload_id=" not in one.path
    ]

    assert [] == silent


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        (S3Options, {"Bucket": "b", "KmsKeyId": "k"}, 'KmsKeyId needs Encryption "aws:kms"'),
        (S3Options, {"Bucket": "b", "KmsKeyId": "k", "Encryption": "AES256"}, 'KmsKeyId needs Encryption "aws:kms"'),
        (S3Options, {"Bucket": "b", "BucketKey": True}, 'BucketKey needs Encryption "aws:kms"'),
        (S3Options, {"Bucket": "b", "BucketKey": True, "Encryption": "aws:kms:dsse"}, "BucketKey needs Encryption"),
        (S3Options, {"Bucket": "b", "VerifyForeign": True, "Encryption": "aws:kms"}, 'needs Engine "sdk"'),
        (AzureOptions, {"Container": "abc", "Account": "a", "EncryptionScope": "s"}, 'EncryptionScope needs Engine "s'),
        (GcsOptions, {"Bucket": "b", "KmsKey": KMS_KEY}, 'KmsKey needs Engine "sdk"'),
    ],
)
def test_what_cannot_be_done_is_refused(model: type[ObjectOptions], given: dict[str, Any], message: str) -> None:
    """It is not ignored."""
    with pytest.raises(ValidationError, match=message):
        model.model_validate(given)


@pytest.mark.parametrize("name", ["Images", "ab", "a--b", "a_b", "-ab", "a" * 64])
def test_impossible_names_of_containers(name: str) -> None:
    """They are refused before anything is opened."""
    with pytest.raises(ValidationError, match="Container"):
        AzureOptions.model_validate({"Container": name, "Account": "a"})


def headers(seen: Seen, prefix: str) -> dict[str, str]:
    """The headers of a request whose names start so."""
    return {name.lower(): value for name, value in seen.headers.items() if name.lower().startswith(prefix)}
