"""A real Orthanc on local disk: what a user and an administrator see."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage_plugins.adapters.local import INCOMING
from storage_plugins.testing.orthanc import Orthanc
from tests import dicom
from tests.live.conftest import Launch


def files(orthanc: Orthanc) -> dict[str, bytes]:
    """Every file below the storage folder by name, but for those aside."""
    found = [path for path in orthanc.storage.rglob("*") if INCOMING not in path.parts and path.is_file()]
    return {path.name: path.read_bytes() for path in found}


def test_instances_come_back(orthanc: Orthanc) -> None:
    """What was uploaded is read back the same, whole and by its tags, and lies on disk as it was sent."""
    names = ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "examples_jpeg2k.dcm", "waveform_ecg.dcm")
    for name in names:
        data = dicom.sample(name)
        instance = orthanc.upload(data)

        assert data == orthanc.get(f"/instances/{instance}/file").body
        assert "SOPInstanceUID" in orthanc.get(f"/instances/{instance}/simplified-tags").json()
        assert data in files(orthanc).values()

    assert len(names) == len(files(orthanc))


def test_tags_are_read_as_a_range(orthanc: Orthanc) -> None:
    """Tags do not cost a whole file, and no second attachment is stored for them."""
    instance = orthanc.upload(dicom.instance(1, pixels=1 << 20))
    before = orthanc.metrics()

    orthanc.get(f"/instances/{instance}/tags")

    after = orthanc.metrics()
    assert 1 == after["storage_plugins_read_range_success_total"] - before["storage_plugins_read_range_success_total"]
    assert 10_000 > after["storage_plugins_read_range_bytes"] - before["storage_plugins_read_range_bytes"]
    assert 0 == after["storage_plugins_read_success_total"]
    assert 1 == len(files(orthanc))


def test_delete_removes_files(orthanc: Orthanc) -> None:
    """After the deletion of everything no file is left, and after the stop nothing that waits to be freed."""
    for seed in range(20):
        orthanc.upload(dicom.instance(seed))

    for patient in orthanc.get("/patients").json():
        assert 200 == orthanc.delete(f"/patients/{patient}").status

    assert {} == files(orthanc)
    assert 0 == orthanc.stop()
    assert [] == [path for path in orthanc.storage.rglob("*") if path.is_file()]


def test_restart(make: Launch) -> None:
    """Instances are there after a restart, and Orthanc stops with exit status 0."""
    data = dicom.sample()
    first = make({})
    first.start()
    instance = first.upload(data)
    assert 0 == first.stop()

    with make({}) as second:
        assert data == second.get(f"/instances/{instance}/file").body


def test_reset(orthanc: Orthanc) -> None:
    """`POST /tools/reset` unloads and loads the plugins in the same process: the storage area works on."""
    data = dicom.sample()
    instance = orthanc.upload(data)
    for starts in (2, 3):
        orthanc.post("/tools/reset")
        deadline = time.monotonic() + 60
        while orthanc.log.count("Orthanc has started") < starts and time.monotonic() < deadline:
            time.sleep(0.1)
        orthanc.wait_until_ready()
        assert data == orthanc.get(f"/instances/{instance}/file").body
        assert starts == orthanc.log.count("Storage area: backend local")
    assert 0 == orthanc.stop()


def test_adopts_the_folder_of_the_built_in_storage(make: Launch) -> None:
    """The plugin takes over a folder that Orthanc's own storage has filled, and Orthanc can go back to it."""
    instances = {}
    with make(None) as built_in:
        for seed in range(10):
            data = dicom.instance(seed)
            instances[built_in.upload(data)] = data
    with make({}) as ours:
        for instance, data in instances.items():
            assert data == ours.get(f"/instances/{instance}/file").body
            assert 200 == ours.get(f"/instances/{instance}/tags").status
        gone = next(iter(instances))
        assert 200 == ours.delete(f"/instances/{gone}").status
        del instances[gone]
        data = dicom.instance(99)
        instances[ours.upload(data)] = data
    with make(None) as built_in:
        for instance, data in instances.items():
            assert data == built_in.get(f"/instances/{instance}/file").body
        assert sorted(instances.values()) == sorted(files(built_in).values())


def test_zero_byte_attachments(orthanc: Orthanc) -> None:
    """An empty attachment is stored, read back empty, and removed."""
    instance = orthanc.upload(dicom.sample())
    url = f"/instances/{instance}/attachments/1024"

    assert 200 == orthanc.put(url, b"").status
    assert (200, b"") == (orthanc.get(f"{url}/data").status, orthanc.get(f"{url}/data").body)
    assert b"" in files(orthanc).values()
    assert 200 == orthanc.delete(url).status
    assert 1 == len(files(orthanc))


def test_flat_layout_and_prefix(make: Launch) -> None:
    """`flat` names files by uuid and content type below the prefix."""
    with make({"Layout": "flat", "Prefix": "archive/site-a"}) as orthanc:
        instance = orthanc.upload(dicom.sample())
        orthanc.put(f"/instances/{instance}/attachments/1024", b"note")

        found = sorted(path.suffix for path in (orthanc.storage / "archive" / "site-a").iterdir())

        assert [".dcm", ".unk"] == found
        assert dicom.sample() == orthanc.get(f"/instances/{instance}/file").body


@pytest.mark.parametrize("url", ["memory://archive"])
def test_fsspec(make: Launch, url: str) -> None:
    """Any fsspec URL is a storage area."""
    with make({"Backend": "fsspec", "Options": {"Url": url}}) as orthanc:
        instance = orthanc.upload(dicom.sample())

        assert dicom.sample() == orthanc.get(f"/instances/{instance}/file").body
        assert 200 == orthanc.get(f"/instances/{instance}/tags").status
        assert 200 == orthanc.delete(f"/instances/{instance}").status
        assert {} == files(orthanc)


def test_dicom_protocol(orthanc: Orthanc, tmp_path: Path) -> None:
    """A modality (dcmtk's storescu) stores over DICOM from several associations at once."""
    data = {}
    for seed in range(24):
        path = tmp_path / f"{seed}.dcm"
        path.write_bytes(dicom.instance(seed))
        data[seed] = path

    def send(first: int) -> int:
        chosen = [str(data[seed]) for seed in range(first, 24, 4)]
        command = ["/usr/bin/storescu", "-aec", "ORTHANC", "127.0.0.1", str(orthanc.dicom_port), *chosen]
        return subprocess.run(command, check=False, timeout=120).returncode

    with ThreadPoolExecutor(4) as pool:
        assert [0] * 4 == list(pool.map(send, range(4)))

    assert 24 == orthanc.get("/statistics").json()["CountInstances"]
    assert 24 == len(files(orthanc))


def test_metrics(orthanc: Orthanc) -> None:
    """Every verb and outcome is there from the start, as 0, and counts what Orthanc did."""
    before = orthanc.metrics()
    instance = orthanc.upload(dicom.sample())
    orthanc.get(f"/instances/{instance}/file")
    orthanc.delete(f"/instances/{instance}")
    after = orthanc.metrics()

    for verb in ("put", "read", "read_range", "delete"):
        for outcome in ("success", "not_found", "corrupt", "unavailable", "storage_full"):
            assert 0 == before[f"storage_plugins_{verb}_{outcome}_total"]
    assert 1 == after["storage_plugins_put_success_total"]
    assert 1 == after["storage_plugins_read_success_total"]
    assert 1 == after["storage_plugins_delete_success_total"]
    assert len(dicom.sample()) == after["storage_plugins_put_bytes"]
    assert 0 < after["storage_plugins_put_seconds"] < 5
