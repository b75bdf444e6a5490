from __future__ import annotations

from typing import Any

import pytest

from storage_plugins import compose
from storage_plugins.config.official import find, translate
from storage_plugins.config.orthanc import OrthancConfiguration
from storage_plugins.errors import ConfigInvalid

S3 = {"BucketName": "b", "Region": "eu-west-1"}


def plan(values: dict[str, Any]) -> compose.Plan:
    """What would run with Orthanc's configuration `values`."""
    return compose.plan(OrthancConfiguration(values, "/etc/orthanc"))


def test_the_smallest_section() -> None:
    """An administrator changes the path of the plugin, and nothing else."""
    found = plan({"AwsS3Storage": S3})

    assert "s3" == found.section.backend
    assert ("flat", "") == (found.naming.layout, found.naming.prefix)
    assert ("b", "eu-west-1", False) == (found.options.bucket, found.options.region, found.options.addressed_by_path)  # type: ignore[attr-defined]
    assert () == found.remarks


def test_every_key() -> None:
    """Each key has its meaning."""
    found = plan(
        {
            "HttpsCACertificates": "ca.pem",
            "AwsS3Storage": {
                **S3,
                "AccessKey": "key",
                "SecretKey": "secret",
                "Endpoint": "minio.hospital:9000",
                "ConnectTimeout": 7,
                "RequestTimeout": 100,
                "MaxConnections": 11,
                "MaxRetries": 3,
                "VirtualAddressing": False,
                "UseTransferManager": True,
                "TransferPoolSize": 12,
                "TransferBufferSize": 6,
                "EnableAwsSdkLogs": True,
                "StorageClass": "STANDARD_IA",
                "Tags": {"site": "a"},
                "RootPath": "archive/site-a",
                "StorageStructure": "legacy",
                "HybridMode": "Disabled",
                "EnableLegacyUnknownFiles": False,
                "MaxConcurrentInputSize": 512,
                "StorageEncryption": {"Enable": False},
            },
        }
    )
    options: Any = found.options

    assert "https://minio.hospital:9000" == options.endpoint
    assert ("key", "secret") == (options.access_key, options.secret_key)
    assert (7, 100, 11, 12, 6) == (
        options.connection_timeout,
        options.request_timeout,
        options.max_connections,
        options.parallel,
        options.part_size,
    )
    assert options.addressed_by_path
    assert ("STANDARD_IA", {"site": "a"}, "/etc/orthanc/ca.pem") == (
        options.storage_class,
        options.tags,
        options.ca_file,
    )
    assert 4 == found.section.retry.attempts
    assert ("legacy", "archive/site-a/") == (found.naming.layout, found.naming.prefix)
    assert ["UseTransferManager", "EnableAwsSdkLogs"] == [
        remark.split(":")[0].split(".")[1] for remark in found.remarks
    ]
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("name", "section", "backend"),
    [
        (
            "AzureBlobStorage",
            {"ConnectionString": "AccountName=a;AccountKey=a2V5", "ContainerName": "orthanc"},
            "azure",
        ),
        ("GoogleCloudStorage", {"ServiceAccountFile": "key.json", "BucketName": "b"}, "gcs"),
    ],
)
def test_the_other_clouds(name: str, section: dict[str, Any], backend: str) -> None:
    """Their sections are as good."""
    assert backend == plan({name: section}).section.backend


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"AwsS3Storage": {"Region": "x"}}, "AwsS3Storage.BucketName: missing"),
        ({"AwsS3Storage": []}, "AwsS3Storage: must be an object"),
        ({"AwsS3Storage": {**S3, "RootPath": "/x"}}, "AwsS3Storage.RootPath: .* slash"),
        (
            {"AwsS3Storage": {**S3, "StorageStructure": "deep"}},
            'AwsS3Storage.StorageStructure: must be "flat" or "legacy"',
        ),
        ({"AwsS3Storage": {**S3, "HybridMode": "WriteToFileSystem"}}, "AwsS3Storage.HybridMode"),
        ({"AwsS3Storage": {**S3, "StorageEncryption": {"MasterKey": [1, "x"]}}}, "AwsS3Storage.StorageEncryption"),
        ({"AwsS3Storage": S3, "GoogleCloudStorage": {}}, "keep one of them"),
    ],
)
def test_what_is_refused(values: dict[str, Any], message: str) -> None:
    """One message, with the key of the official section in it."""
    with pytest.raises(ConfigInvalid, match=message):
        plan(values)


def test_unknown_keys_are_told() -> None:
    """The official plugin passes over them, so that they do not stop a start; but they are probably a mistake."""
    (remark,) = translate("AwsS3Storage", {**S3, "StorageClas": "STANDARD"}).remarks

    assert 'AwsS3Storage.StorageClas: unknown key, ignored; did you mean "StorageClass"?' == remark
    assert find({}) is None
