"""A real Orthanc whose object storage goes away, with a cache, write-behind and delayed deletion before it."""

from __future__ import annotations

import itertools
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage_plugins.testing.orthanc import Orthanc
from tests import dicom
from tests.live.archive import Archive, digest, drained, status, until
from tests.live.conftest import Launch
from tests.live.test_faults import mounted

CLIENTS = 8


def upload(orthanc: Orthanc, count: int, first: int = 0) -> dict[str, bytes]:
    """Instances by their identifiers, stored by several clients."""
    data = [dicom.instance(seed, pixels=100 << 10) for seed in range(first, first + count)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        return dict(zip(pool.map(orthanc.upload, data), data, strict=True))


def expected(instances: dict[str, bytes]) -> list[str]:
    """What should be there."""
    return sorted(map(digest, instances.values()))


def test_an_outage_is_invisible(make: Launch, archive: Archive) -> None:
    """Modalities store, read and delete as if nothing was; afterwards the bucket has what it should, and no more."""
    with make(archive.section("WriteBehind", "DelayedDeletion")) as orthanc:
        before = upload(orthanc, 8)
        until(lambda: drained(orthanc))
        assert expected(before) == archive.digests()

        archive.outage()
        instances = upload(orthanc, 40, first=100)
        gone = list(before)[:4] + list(instances)[:10]
        for instance in gone:
            assert 200 == orthanc.delete(f"/instances/{instance}").status
        for instance, data in instances.items():
            answer = orthanc.get(f"/instances/{instance}/file")
            assert (
                (404, True) == (answer.status, True)
                if instance in gone
                else (200, data) == (answer.status, answer.body)
            )
            assert (404 if instance in gone else 200) == orthanc.get(f"/instances/{instance}/tags").status
        told = status(orthanc)
        assert told["WriteBehind"]["PendingObjects"] >= 30
        assert told["WriteBehind"]["OldestSeconds"] > 0
        assert 4 == told["DelayedDeletion"]["PendingObjects"]
        until(lambda: "are to be uploaded, trying again" in orthanc.log)

        archive.outage(on=False)
        until(lambda: drained(orthanc))
        left = {name: data for name, data in {**before, **instances}.items() if name not in gone}
        assert expected(left) == archive.digests()
    assert "The storage takes objects again" in orthanc.log


@pytest.mark.soak
def test_an_outage_of_a_minute(make: Launch, archive: Archive) -> None:
    """Clients store all the time and see no error; the spool stays within its bound and drains by itself."""
    bound = 200
    section = archive.section(WriteBehind={"Path": str(archive.folder / "spool"), "MaximumSize": bound})
    templates = [dicom.instance(seed, pixels=100 << 10) for seed in range(CLIENTS)]
    instances: dict[str, bytes] = {}
    most = 0
    with make(section) as orthanc:
        archive.outage()
        until_then = time.monotonic() + 60

        def store(client: int) -> None:
            for turn in itertools.count():
                if time.monotonic() > until_then:
                    return
                data = dicom.variant(templates[client], 1000 * client + turn)
                instances[orthanc.upload(data)] = data
                time.sleep(0.5)

        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(store, client) for client in range(CLIENTS)]
            while not all(client.done() for client in clients):
                most = max(most, status(orthanc)["WriteBehind"]["PendingBytes"])
                time.sleep(0.5)
            for client in clients:
                client.result()
        archive.outage(on=False)
        until(lambda: drained(orthanc))
        assert expected(instances) == archive.digests()
    assert 0 < most <= bound << 20
    assert len(instances) > 50 * CLIENTS


def test_orthanc_starts_without_its_storage(make: Launch, archive: Archive) -> None:
    """With write-behind that is a warning; what an earlier run has left is uploaded when the storage is back."""
    archive.outage()
    section = archive.section("WriteBehind", "DelayedDeletion")
    with make(section) as orthanc:
        assert "Orthanc starts all the same" in orthanc.log
        instances = upload(orthanc, 10)
        for instance in list(instances)[:3]:
            orthanc.delete(f"/instances/{instance}")
    assert set() == archive.medium.keys()

    with make(section) as orthanc:
        left = dict(list(instances.items())[3:])
        for instance, data in left.items():
            assert data == orthanc.get(f"/instances/{instance}/file").body
        archive.outage(on=False)
        until(lambda: drained(orthanc))
        assert expected(left) == archive.digests()


def test_without_write_behind_orthanc_does_not_start(make: Launch, archive: Archive) -> None:
    """Then nobody would notice that nothing can be stored."""
    archive.outage()
    orthanc = make(archive.section("Cache", "DelayedDeletion"))
    orthanc.launch()
    assert 0 != orthanc.wait(60)
    assert "the storage does not work, cannot write an object" in orthanc.log


def test_the_second_read_needs_no_storage(make: Launch, archive: Archive) -> None:
    """What was written or read once comes from the disk: whole, in part, and after a restart."""
    with make(archive.section()) as orthanc:
        instances = upload(orthanc, 6)
    section = archive.section(
        "Cache", Cache={"Path": str(archive.folder / "cache"), "MaximumSize": 100, "WriteThrough": False}
    )
    with make(section, StorageCompression=False) as orthanc:
        for instance in instances:
            assert 200 == orthanc.get(f"/instances/{instance}/tags").status
        assert (0, 6) == (status(orthanc)["Cache"]["HitsTotal"], status(orthanc)["Cache"]["MissesTotal"])
        for instance, data in instances.items():
            assert 200 == orthanc.get(f"/instances/{instance}/tags").status  # its head was kept
            assert data == orthanc.get(f"/instances/{instance}/file").body
        assert (6, 12) == (status(orthanc)["Cache"]["HitsTotal"], status(orthanc)["Cache"]["MissesTotal"])
    with make(section) as orthanc:
        archive.outage()
        for instance, data in instances.items():
            assert data == orthanc.get(f"/instances/{instance}/file").body
            assert 200 == orthanc.get(f"/instances/{instance}/tags").status
        told = status(orthanc)["Cache"]
        assert (12, 0, 1.0) == (told["HitsTotal"], told["MissesTotal"], told["HitRatio"])
        assert 12 == orthanc.metrics()["storage_plugins_cache_hits_total"]
        archive.outage(on=False)


def test_a_damaged_file_of_the_cache_is_fetched_again(make: Launch, archive: Archive) -> None:
    """The client sees the right bytes, whole and in part, and the counter tells of it."""
    with make(archive.section("Cache")) as orthanc:
        ((instance, data),) = upload(orthanc, 1).items()
        (file,) = (path for path in (archive.folder / "Cache" / "objects").rglob("*") if path.is_file())
        for count, at in enumerate((0, 70_000, len(data) + 2, file.stat().st_size - 1), 1):
            content = bytearray(file.read_bytes())
            content[at] ^= 1
            file.write_bytes(content)

            assert data == orthanc.get(f"/instances/{instance}/file").body
            assert count == status(orthanc)["Cache"]["DamagedTotal"]
            assert data == file.read_bytes()[: len(data)]
        file.write_bytes(file.read_bytes()[:5000])
        assert 200 == orthanc.get(f"/instances/{instance}/tags").status
        assert 5 == status(orthanc)["Cache"]["DamagedTotal"]


def test_the_breaker(make: Launch, archive: Archive) -> None:
    """Clients of a storage that is away hear so at once, and not after its timeouts, until it is back."""
    section = archive.section(CircuitBreaker={"Failures": 2, "ProbeEvery": 0.5})
    with make(section) as orthanc:
        ((instance, data),) = upload(orthanc, 1).items()
        archive.outage()
        for _ in range(2):
            assert 500 == orthanc.get(f"/instances/{instance}/file").status
        assert status(orthanc)["CircuitBreaker"]["Open"] is True
        started = time.monotonic()
        for _ in range(10):
            assert 500 == orthanc.get(f"/instances/{instance}/file").status
        assert time.monotonic() - started < 1
        assert re.search(
            r"the storage has not answered for \d+ s, and is not asked until it does: cannot read", orthanc.log
        )

        archive.outage(on=False)
        until(lambda: not status(orthanc)["CircuitBreaker"]["Open"])
        assert data == orthanc.get(f"/instances/{instance}/file").body
    assert "The storage answers again" in orthanc.log


def test_a_full_disk_under_the_cache(make: Launch, archive: Archive) -> None:
    """Objects are fetched each time, with one warning; whoever reads and stores sees nothing."""
    with mounted(archive.folder / "small", "size=700k") as small:
        section = archive.section(Cache={"Path": str(small / "cache"), "MaximumSize": 100})
        with make(section) as orthanc:
            instances = upload(orthanc, 12)
            for _ in range(2):
                for instance, data in instances.items():
                    assert data == orthanc.get(f"/instances/{instance}/file").body
            assert status(orthanc)["Cache"]["Failing"] is True
    assert 1 == orthanc.log.count("cannot be used, objects are fetched each time: [Errno 28] No space left on device")


def test_a_full_disk_under_the_spool(make: Launch, archive: Archive) -> None:
    """A write waits for room, and is refused as "full" when there is none in time; what was accepted is uploaded."""
    with mounted(archive.folder / "small", "size=800k") as small:
        spool = {"Path": str(small / "spool"), "MaximumSize": 100, "WaitForRoom": 1}
        with make(archive.section(WriteBehind=spool)) as orthanc:
            archive.outage()
            accepted, refused = _until_full(orthanc)
            assert (500, 19) == refused
            assert 4 <= len(accepted) <= 7
            archive.outage(on=False)
            until(lambda: drained(orthanc))
            assert expected(accepted) == archive.digests()
            upload(orthanc, 3, first=500)
    assert re.search(r"the disk of the spool is full, object '.*' was not accepted: free room on it", orthanc.log)


def test_the_limit_of_the_spool(make: Launch, archive: Archive) -> None:
    """The same where not the disk is full, but the spool has all that it may have."""
    spool = {"Path": str(archive.folder / "spool"), "MaximumSize": 1, "WaitForRoom": 1}
    with make(archive.section(WriteBehind=spool)) as orthanc:
        archive.outage()
        accepted, refused = _until_full(orthanc)
        assert (500, 19) == refused
        assert 9 <= len(accepted) <= 10
        assert status(orthanc)["WriteBehind"]["PendingBytes"] <= 1 << 20
        archive.outage(on=False)
        until(lambda: drained(orthanc))
        assert expected(accepted) == archive.digests()
    assert "Enlarge WriteBehind.MaximumSize" in orthanc.log


def test_a_read_only_disk_under_the_spool(make: Launch, archive: Archive) -> None:
    """Objects are uploaded at once, with one error in the log; what was accepted before is not lost."""
    with mounted(archive.folder / "small", "size=10m") as small:
        spool = {"Path": str(small / "spool"), "MaximumSize": 100}
        with make(archive.section(WriteBehind=spool)) as orthanc:
            archive.outage()
            before = upload(orthanc, 3)
            remount(small, "ro")
            archive.outage(on=False)
            after = upload(orthanc, 5, first=100)
            assert set(expected(after)) <= set(archive.digests())
            for instance, data in (before | after).items():
                assert data == orthanc.get(f"/instances/{instance}/file").body
            remount(small, "rw")
            until(lambda: drained(orthanc))
            assert expected(before | after) == archive.digests()
    assert 1 == len(
        re.findall("Cannot write to the spool .*: .*Read-only file system.* Objects are uploaded at once", orthanc.log)
    )


def remount(folder: Path, how: str) -> None:
    """As the kernel does to a disk that fails."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


def _until_full(orthanc: Orthanc) -> tuple[dict[str, bytes], tuple[int, int]]:
    """What was accepted, and status and code of the first instance that was not."""
    accepted: dict[str, bytes] = {}
    for seed in range(100):
        data = dicom.instance(seed, pixels=100 << 10)
        answer = orthanc.post("/instances", data)
        if answer.status != 200:
            return accepted, (answer.status, answer.json()["OrthancStatus"])
        accepted[str(answer.json()["ID"])] = data
    msg = "never full"
    raise AssertionError(msg)
