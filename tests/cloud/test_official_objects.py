"""Objects that the official plugin wrote, in a bucket, read through the section that wrote them."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage_plugins import compose
from storage_plugins.config.orthanc import OrthancConfiguration
from storage_plugins.errors import AccessDenied, NotFound, RangeInvalid
from storage_plugins.metrics import Metrics
from storage_plugins.store import Store
from storage_plugins.testing.media import read
from tests.encryption import encrypt
from tests.servers import Servers

OFFICIAL = Path(__file__).parents[1] / "data" / "official"
FOLDERS = ("flat", "flat-rootpath", "legacy", "flat-encrypted")
MASTER = base64.b64decode((OFFICIAL / "master-1.key").read_text())
UUID = "f4247d92-1ea6-4f8b-bc62-e3a6fa24c6df"


class Archive:
    """A bucket, and Orthanc's configuration with the section of an official plugin."""

    def __init__(self, servers: Servers) -> None:
        server = servers.get("seaweedfs")
        bucket = f"b{uuid.uuid4().hex[:20]}"
        options = server.options(bucket)
        self.medium = server.bucket(bucket)
        self.section = {
            "BucketName": bucket,
            "AccessKey": options["AccessKey"],
            "SecretKey": options["SecretKey"],
            "Endpoint": options["Endpoint"],
            "Region": "us-east-1",
            "VirtualAddressing": False,
        }

    def open(self, section: dict[str, Any], **more: Any) -> tuple[compose.Plan, Store]:
        """The store that Orthanc would get."""
        values = {"AwsS3Storage": {**section, **self.section}, **more}
        plan = compose.plan(OrthancConfiguration(values, str(OFFICIAL)))
        return plan, compose.open_store(plan, Metrics())


@pytest.fixture
def archive(servers: Servers) -> Iterator[Archive]:
    """An empty one."""
    made = Archive(servers)
    yield made
    made.medium.remove()


@pytest.mark.parametrize("folder", FOLDERS)
def test_they_read_back(archive: Archive, folder: str) -> None:
    """Whole and in ranges, identical to what the official plugin was given."""
    manifest = json.loads((OFFICIAL / folder / "manifest.json").read_text())
    for object_ in manifest["objects"]:
        archive.medium.write(object_["key"], (OFFICIAL / object_["file"]).read_bytes())
    plan, store = archive.open(manifest["section"]["AwsS3Storage"], ReadOnly="encrypted" in folder)

    with store:
        for object_ in manifest["objects"]:
            attachment = plan.naming.attachment(object_["key"])
            assert attachment is not None
            key = plan.naming.key(attachment.uuid, attachment.content_type or 0)
            plain = read(store, key)
            assert object_["plain_sha256"] == hashlib.sha256(plain).hexdigest()
            for start, end in ((0, 1), (0, len(plain)), (5, 25), (len(plain) - 1, len(plain))):
                target = bytearray(end - start)
                store.read_range(key, start, memoryview(target))
                assert plain[start:end] == target
            with pytest.raises(RangeInvalid):
                store.read_range(key, 1, memoryview(bytearray(len(plain))))


def test_an_encrypted_archive_in_layout_legacy(archive: Archive) -> None:
    """With the older of its two keys. Nothing is written beside it."""
    data = bytes(range(256)) * 100
    archive.medium.write(f"{UUID[:2]}/{UUID[2:4]}/{UUID}", encrypt(data, 1, MASTER))
    keys = {"MasterKey": [7, "master-7.key"], "PreviousMasterKeys": [[1, "master-1.key"]]}
    plan, store = archive.open({"StorageStructure": "legacy", "StorageEncryption": keys}, ReadOnly=True)
    before = archive.medium.keys()

    with store:
        key = plan.naming.key(UUID, 1)
        assert data == read(store, key)
        target = bytearray(1000)
        store.read_range(key, 100, memoryview(target))
        assert data[100:1100] == target
        with pytest.raises(AccessDenied, match="ReadOnly"):
            store.put(key, b"1")
        with pytest.raises(AccessDenied, match="ReadOnly"):
            store.delete(key)
    assert before == archive.medium.keys()


def test_legacy_unknown_files(archive: Archive) -> None:
    """DICOM until pixel data that early versions wrote as unknown: found as second choice, and deleted."""
    archive.medium.write(f"{UUID}.unk", b"header")
    plan, store = archive.open({"EnableLegacyUnknownFiles": True})
    key = plan.naming.key(UUID, 3)

    with store:
        assert b"header" == read(store, key)
        store.put(key, b"newer")
        assert {f"{UUID}.unk", f"{UUID}.dcm.head"} == archive.medium.keys()
        assert b"newer" == read(store, key)
        store.delete(key)
        assert set() == archive.medium.keys()
        with pytest.raises(NotFound, match=r"\.dcm\.head"):
            read(store, key)
    archive.medium.write(f"{UUID}.unk", b"header")
    plan, store = archive.open({})
    with store, pytest.raises(NotFound):
        read(store, key)


@pytest.mark.parametrize("mode", ["WriteToFileSystem", "WriteToObjectStorage"])
@pytest.mark.parametrize("structure", ["flat", "legacy"])
def test_two_places(archive: Archive, tmp_path: Path, mode: str, structure: str) -> None:
    """New files go to the one that is named, older ones are found in both, and both are deleted."""
    plan, store = archive.open({"HybridMode": mode, "StorageStructure": structure}, StorageDirectory=str(tmp_path))
    key, file = plan.naming.key(UUID, 1), tmp_path / UUID[:2] / UUID[2:4] / UUID

    with store:
        store.put(key, b"new")
        assert (mode == "WriteToFileSystem") == file.exists()
        assert ({key} if mode == "WriteToObjectStorage" else set()) == archive.medium.keys()
        store.delete(key)

        for place in ("files", "objects"):
            if place == "files":
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(b"old files")
            else:
                archive.medium.write(key, b"old objects")
            assert f"old {place}".encode() == read(store, key)
            target = bytearray(3)
            store.read_range(key, 0, memoryview(target))
            assert b"old" == target
            store.delete(key)
            assert not file.exists()
            assert set() == archive.medium.keys()

        archive.medium.write(key, b"both")
        file.write_bytes(b"both")
        store.delete(key)
        assert not file.exists()
        assert set() == archive.medium.keys()
        with pytest.raises(NotFound):
            read(store, key)
