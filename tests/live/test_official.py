"""A real Orthanc with the configuration of an official plugin, and what such an archive holds."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage_plugins.testing.orthanc import Orthanc
from tests import dicom
from tests.encryption import encrypt
from tests.live.conftest import Launch
from tests.servers import Servers


class Bucket:
    """A new bucket, and the section `AwsS3Storage` for it."""

    def __init__(self, servers: Servers) -> None:
        server = servers.get("seaweedfs")
        name = f"b{uuid.uuid4().hex[:20]}"
        self.medium = server.bucket(name)
        options = server.options(name)
        self.section: dict[str, Any] = {
            "BucketName": name,
            "Region": "us-east-1",
            "AccessKey": options["AccessKey"],
            "SecretKey": options["SecretKey"],
            "Endpoint": options["Endpoint"],
            "VirtualAddressing": False,
        }


@pytest.fixture
def bucket(servers: Servers) -> Iterator[Bucket]:
    """An empty one."""
    made = Bucket(servers)
    yield made
    made.medium.remove()


def files(orthanc: Orthanc) -> set[str]:
    """The attachments in Orthanc's own folder."""
    found = (path for path in orthanc.storage.glob("??/??/*") if path.is_file())
    return {path.name for path in found}


def assert_whole(orthanc: Orthanc, instance: str, data: bytes) -> None:
    """The file and what Orthanc reads of it by a range."""
    assert data == orthanc.get(f"/instances/{instance}/file").body
    assert "SOPInstanceUID" in orthanc.get(f"/instances/{instance}/simplified-tags").json()


def test_the_section_as_it_stands(make: Launch, bucket: Bucket) -> None:
    """Nothing but the path of the plugin changes."""
    section = {**bucket.section, "RootPath": "archive/site-a", "EnableAwsSdkLogs": True}
    with make(None, plugins=None, AwsS3Storage=section) as orthanc:
        data = dicom.sample()
        assert_whole(orthanc, orthanc.upload(data), data)
        assert ["archive/site-a"] == [key.rpartition("/")[0] for key in sorted(bucket.medium.keys())]
        assert "AwsS3Storage.EnableAwsSdkLogs: ignored" in orthanc.log


def test_from_disk_to_cloud_and_back(make: Launch, bucket: Bucket) -> None:
    """An Orthanc that had its files on disk moves on to a bucket: all of them are there at any time."""
    first, second, third = (dicom.instance(seed) for seed in range(3))
    with make() as orthanc:
        on_disk = orthanc.upload(first)
        assert 1 == len(files(orthanc))

    with make(None, plugins=None, AwsS3Storage={**bucket.section, "HybridMode": "WriteToObjectStorage"}) as orthanc:
        in_cloud = orthanc.upload(second)
        assert (1, 1) == (len(files(orthanc)), len(bucket.medium.keys()))
        assert_whole(orthanc, on_disk, first)
        assert_whole(orthanc, in_cloud, second)

    with make(None, plugins=None, AwsS3Storage={**bucket.section, "HybridMode": "WriteToFileSystem"}) as orthanc:
        recent = orthanc.upload(third)
        assert (2, 1) == (len(files(orthanc)), len(bucket.medium.keys()))
        for instance, data in ((on_disk, first), (in_cloud, second), (recent, third)):
            assert_whole(orthanc, instance, data)
            assert 200 == orthanc.delete(f"/instances/{instance}").status
        assert set() == files(orthanc)
        assert set() == bucket.medium.keys()


def test_an_encrypted_archive(make: Launch, bucket: Bucket, tmp_path: Path) -> None:
    """It can be read, whole and by tags; whatever would change it is refused."""
    data, master = dicom.sample(), bytes(range(32))
    (tmp_path / "master").write_bytes(base64.b64encode(master))
    with make(None, plugins=None, AwsS3Storage=bucket.section) as orthanc:
        instance = orthanc.upload(data)
    (key,) = bucket.medium.keys()
    bucket.medium.write(f"{key}.enc", encrypt(data, 3, master))
    bucket.medium.delete(key)
    section = {**bucket.section, "StorageEncryption": {"MasterKey": [3, str(tmp_path / "master")]}}

    refused = make(None, plugins=None, AwsS3Storage=section)
    refused.launch()
    assert 0 != refused.wait()
    assert "AwsS3Storage: StorageEncryption is enabled, but this version can only read" in refused.log

    with make(None, plugins=None, AwsS3Storage=section, ReadOnly=True) as orthanc:
        assert_whole(orthanc, instance, data)
        assert 200 != orthanc.post("/instances", dicom.instance(1)).status
        assert {f"{key}.enc"} == bucket.medium.keys()
