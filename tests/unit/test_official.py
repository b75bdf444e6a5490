"""The official plugins' sections; what their objects hold is in tests/cloud/test_official_objects.py."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from storage_plugins import compose
from storage_plugins.config.official import SECTIONS, find, translate
from storage_plugins.config.orthanc import OrthancConfiguration
from storage_plugins.errors import ConfigInvalid

UUID = "f4247d92-1ea6-4f8b-bc62-e3a6fa24c6df"
S3 = {"BucketName": "b", "Region": "eu-west-1"}


def plan(values: dict[str, Any], folder: str = "/etc/orthanc") -> compose.Plan:
    """What would run with Orthanc's configuration `values`."""
    return compose.plan(OrthancConfiguration(values, folder))


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
                "StorageEncryption": {"Enable": False, "MaxConcurrentInputSize": 512},
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
    assert ["UseTransferManager", "EnableAwsSdkLogs", "StorageEncryption.MaxConcurrentInputSize"] == [
        remark.split(":")[0].partition(".")[2] for remark in found.remarks
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


def s3(**keys: Any) -> dict[str, Any]:
    """A section with more keys."""
    return {"AwsS3Storage": {**S3, **keys}}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"AwsS3Storage": {"Region": "x"}}, "AwsS3Storage.BucketName: missing"),
        ({"AwsS3Storage": []}, "AwsS3Storage: must be an object"),
        (s3(RootPath="/x"), "AwsS3Storage.RootPath: .* slash"),
        (s3(StorageStructure="deep"), "AwsS3Storage.StorageStructure: must be 'flat' or 'legacy'"),
        (s3(HybridMode="Both"), "AwsS3Storage.HybridMode: must be 'Disabled', 'WriteToFileSystem' or"),
        (
            s3(MigrationFromFileSystemEnabled="yes"),
            "AwsS3Storage.MigrationFromFileSystemEnabled: must be true or false",
        ),
        (s3(MaxRetries="many"), "AwsS3Storage.MaxRetries: must be a valid integer, found a string"),
        (s3(TransferBufferSize=[]), "AwsS3Storage.TransferBufferSize: must be a valid integer, found an array"),
        (s3(RequestTimeout=-1), "AwsS3Storage.RequestTimeout: must be greater than 0"),
        (s3(AccessKey="x"), "AwsS3Storage: AccessKey is given without SecretKey"),
        (s3(StorageEncryption={}), 'AwsS3Storage.StorageEncryption: MasterKey is missing.*"Enable" to false'),
        (s3(StorageEncryption={"MasterKey": "x"}), "AwsS3Storage.StorageEncryption.MasterKey"),
        (
            s3(StorageEncryption={"MasterKey": [1, "a"], "PreviousMasterKeys": [[1, "b"]]}),
            "AwsS3Storage.StorageEncryption: two master keys have the same number",
        ),
        (
            s3(StorageEncryption={"MasterKey": [1, "x"]}),
            "AwsS3Storage: StorageEncryption is enabled.*Set ReadOnly to true",
        ),
        (s3(StorageEncryption={"MasterKey": [1, "x"]}) | {"ReadOnly": True}, "/etc/orthanc/x: No such file"),
        ({"AwsS3Storage": S3, "GoogleCloudStorage": {}}, "keep one of them"),
    ],
)
def test_what_is_refused(values: dict[str, Any], message: str) -> None:
    """One message, with the key of the official section in it, as its author knows it."""
    with pytest.raises(ConfigInvalid, match=message) as caught:
        plan(values)
    assert "StoragePlugins" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"short", base64.b64encode(bytes(31)), bytes(32)])
def test_what_is_no_master_key(tmp_path: Path, content: bytes) -> None:
    """The file is named, and what it must hold; not what it holds."""
    (tmp_path / "key").write_bytes(content)

    with pytest.raises(
        ConfigInvalid, match=f"StorageEncryption: the master key {tmp_path}/key must be 32 bytes"
    ) as caught:
        plan(s3(StorageEncryption={"MasterKey": [1, "key"]}) | {"ReadOnly": True}, str(tmp_path))
    assert "short" not in str(caught.value)


def test_master_keys(tmp_path: Path) -> None:
    """Of a read-only archive; the objects have the suffix of encrypted ones, in the layout that has suffixes."""
    (tmp_path / "new").write_bytes(base64.b64encode(bytes(32)) + b"\n")
    (tmp_path / "old").write_bytes(base64.b64encode(bytes(32)))
    keys = {"MasterKey": [7, "new"], "PreviousMasterKeys": [[1, "old"]]}
    found = plan(s3(StorageEncryption=keys) | {"ReadOnly": True}, str(tmp_path))

    assert found.section.encrypted
    assert f"{UUID}.dcm.enc" == found.naming.key(UUID, 1)
    assert UUID == (found.naming.attachment(f"{UUID}.dcm.enc") or found).uuid  # type: ignore[union-attr]
    assert None is found.naming.attachment(f"{UUID}.dcm")


@pytest.mark.parametrize(
    ("keys", "mode"),
    [
        ({}, "Disabled"),
        ({"MigrationFromFileSystemEnabled": False}, "Disabled"),
        ({"MigrationFromFileSystemEnabled": True}, "WriteToObjectStorage"),
        ({"MigrationFromFileSystemEnabled": True, "HybridMode": "WriteToFileSystem"}, "WriteToFileSystem"),
        ({"HybridMode": "WriteToFileSystem"}, "WriteToFileSystem"),
    ],
)
def test_hybrid_modes(keys: dict[str, Any], mode: str) -> None:
    """The folder is Orthanc's own."""
    found = plan(s3(**keys) | {"StorageDirectory": "files", "SyncStorageArea": False})
    folder: Any = found.folder

    assert mode == found.section.hybrid_mode
    assert None is folder if mode == "Disabled" else ("/etc/orthanc/files", False) == (folder.path, folder.sync)


def test_hybrid_modes_are_for_clouds() -> None:
    """Two places on one disk would be one."""
    with pytest.raises(ConfigInvalid, match=r"StoragePlugins\.HybridMode: needs a backend behind a network, and local"):
        plan({"StoragePlugins": {"HybridMode": "WriteToFileSystem"}})


def test_unknown_keys_are_told() -> None:
    """The official plugin passes over them, so that they do not stop a start; but they are probably a mistake."""
    (remark,) = translate("AwsS3Storage", {**S3, "StorageClas": "STANDARD"}).remarks

    assert 'AwsS3Storage.StorageClas: unknown key, ignored; did you mean "StorageClass"?' == remark
    assert find({}) is None


def test_the_table_of_keys_is_complete() -> None:
    """docs/official-plugins.md says what becomes of every key."""
    page = (Path(__file__).parents[2] / "docs" / "official-plugins.md").read_text()
    keys = {key for official in SECTIONS.values() for key in official.keys}

    assert set() == {key for key in keys if f"`{key}`" not in page}
