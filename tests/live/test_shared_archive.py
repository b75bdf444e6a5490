"""Two real Orthancs on one PostgreSQL index and one bucket."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from native_shim import build_shim
from storage_plugins.testing.orthanc import Orthanc
from tests import dicom
from tests.live.archive import Archive, drained, status, until
from tests.servers import Servers
from tests.servers.postgresql import Database, PostgreSql

INDEX: Final = "/usr/share/orthanc/plugins/libOrthancPostgreSQLIndex.so"  # Debian's orthanc-postgresql
MODIFY: Final = b'{"Replace": {"StudyDescription": "Copy"}, "Force": true, "KeepSource": true, "Synchronous": true}'
SPOOL: Final[dict[str, dict[str, Any]]] = {"WriteBehind": {"MaximumSize": 100}}


class Pair:
    """Both Orthancs, and what they share."""

    def __init__(self, archive: Archive, endpoint: str, index: Database) -> None:
        """`endpoint`: of the server of the archive, around the network."""
        self.archive = archive
        self.endpoint = endpoint
        self.index = index
        self.made: list[Orthanc] = []

    def make(
        self,
        name: str,
        *,
        layers: dict[str, dict[str, Any]] | None = None,
        direct: bool = False,
        lock: bool = False,
        **more: Any,
    ) -> Orthanc:
        """An Orthanc, not yet started.

        `layers`: sections of the configuration, each with a folder of this Orthanc unless they name one. `direct`: an
        outage is none for it.
        """
        section = self.archive.section()
        if direct:
            section["Options"]["Endpoint"] = self.endpoint
        for layer, options in (layers or {}).items():
            section[layer] = {"Path": str(self.folder(name) / layer), **options}
        configuration = {
            "PostgreSQL": {
                "EnableIndex": True,
                "EnableStorage": False,
                "ConnectionUri": self.index.uri,
                "Lock": lock,
                "IndexConnectionsCount": 4,
            },
            "DatabaseServerIdentifier": name,
            "StoragePlugins": section,
            **more,
        }
        plugins = [INDEX, str(build_shim.default_output())]
        self.made.append(Orthanc(self.folder(name), configuration, plugins=plugins))
        return self.made[-1]

    def start(self, a: dict[str, Any] | None = None, b: dict[str, Any] | None = None) -> tuple[Orthanc, Orthanc]:
        """Both at the same time. `a`, `b`: arguments of `make`."""
        both = self.make("a", **(a or {})), self.make("b", **(b or {}))
        for orthanc in both:
            orthanc.launch()
        for orthanc in both:
            orthanc.wait_until_ready()
        return both

    def stop(self) -> None:
        """Both at the same time: each takes seconds to end its HTTP server."""
        with ThreadPoolExecutor() as pool:
            assert {0} == set(pool.map(Orthanc.stop, (orthanc for orthanc in self.made if orthanc.alive)))

    def folder(self, name: str) -> Path:
        """Of one Orthanc."""
        return self.archive.folder / name

    def known(self) -> set[str]:
        """Keys of what the index knows."""
        return {f"{uuid}.dcm" for uuid in self.index.ask("SELECT uuid FROM AttachedFiles")}

    def stored(self) -> set[str]:
        """Keys of what the bucket has."""
        return set(self.archive.medium.keys())


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSql]:
    """The server of this file's tests."""
    with PostgreSql() as server:
        yield server


@pytest.fixture
def pair(postgresql: PostgreSql, archive: Archive, servers: Servers, request: pytest.FixtureRequest) -> Iterator[Pair]:
    """On an empty index and an empty bucket."""
    index = postgresql.database(request.function.__name__)
    pair = Pair(archive, servers.get("seaweedfs").endpoint, index)
    yield pair
    for orthanc in pair.made:
        if orthanc.alive:
            orthanc.kill()  # a stop takes seconds


def file(orthanc: Orthanc, instance: str) -> bytes:
    """The bytes of an instance."""
    answer = orthanc.get(f"/instances/{instance}/file")
    assert 200 == answer.status
    return answer.body


def in_archive(orthanc: Orthanc, study: str) -> int:
    """How many instances a ZIP file of a study has."""
    answer = orthanc.get(f"/studies/{study}/archive")
    assert 200 == answer.status
    return len(zipfile.ZipFile(io.BytesIO(answer.body)).namelist())


def test_what_one_stores_the_other_serves(pair: Pair) -> None:
    """Files, tags, whole studies; modified and deleted on either; and all of it after both were stopped."""
    data = [dicom.instance(seed) for seed in range(4)]
    a, b = pair.start()
    instances = dict(zip(map(a.upload, data), data, strict=True))
    first, second, *_ = instances
    assert instances == {instance: file(b, instance) for instance in b.get("/instances").json()}
    assert "TEST-0" == b.get(f"/instances/{first}/simplified-tags").json()["PatientID"]
    (study,) = b.get("/studies").json()
    assert 4 == in_archive(b, study)

    copy = b.post(f"/studies/{study}/modify", MODIFY).json()["ID"]
    assert 4 == in_archive(a, copy)
    assert 8 == len(pair.stored())

    assert 200 == a.delete(f"/instances/{first}").status
    assert 404 == b.get(f"/instances/{first}/file").status
    assert 200 == b.delete(f"/instances/{second}").status
    assert 404 == a.get(f"/instances/{second}/file").status
    assert 200 == b.delete(f"/studies/{copy}").status
    assert pair.known() == pair.stored()
    assert 2 == len(pair.stored())

    pair.stop()
    left = dict(list(instances.items())[2:])
    for orthanc in pair.start():
        assert left == {instance: file(orthanc, instance) for instance in orthanc.get("/instances").json()}


def test_both_store_at_once(pair: Pair) -> None:
    """Instances of the same studies, and the same instances; each is there once, and nothing else is in the bucket."""
    data = [dicom.instance(seed, study=seed % 3) for seed in range(24)]
    a, b = pair.start()
    everywhere = [(orthanc, one) for one in data for orthanc in (a, b)]
    with ThreadPoolExecutor(8) as pool:
        identifiers = list(pool.map(lambda each: each[0].upload(each[1]), everywhere))
    instances = dict(zip(identifiers[::2], data, strict=True))

    assert identifiers[::2] == identifiers[1::2]
    assert instances == {instance: file(a, instance) for instance in b.get("/instances").json()}
    assert 24 == len(pair.stored())
    assert pair.known() == pair.stored()


def test_what_one_deletes_the_other_has_in_its_caches(pair: Pair) -> None:
    """It is not served any more: Orthanc asks the index first. The file goes when there is no more room."""
    caches: dict[str, Any] = {"layers": {"Cache": {"MaximumSize": 100}}, "MaximumStorageCacheSize": 128}
    a, b = pair.start(caches, caches)
    data = dicom.sample()
    instance = a.upload(data)
    assert data == file(b, instance)
    assert 200 == b.get(f"/instances/{instance}/tags").status

    assert 200 == a.delete(f"/instances/{instance}").status
    assert set() == pair.stored()
    for path in ("file", "tags", "preview", "attachments/dicom/data"):
        assert 404 == b.get(f"/instances/{instance}/{path}").status
    until(lambda: status(a)["Cache"]["Entries"] == 0)
    assert 1 <= status(b)["Cache"]["Entries"]


def test_a_pending_upload_is_not_there_for_the_other(pair: Pair) -> None:
    """The index knows the instance; its file is not found, and missing in a ZIP file, until it is uploaded."""
    a, b = pair.start({"layers": SPOOL}, {"direct": True})
    before = a.upload(dicom.instance(1))
    until(lambda: drained(a))
    pair.archive.outage()
    data = dicom.instance(2)
    instance = a.upload(data)
    (study,) = b.get("/studies").json()

    assert {before, instance} == set(b.get("/instances").json())
    assert 404 == b.get(f"/instances/{instance}/file").status
    assert 1 == in_archive(b, study)
    assert data == file(a, instance)

    pair.archive.outage(on=False)
    until(lambda: drained(a))
    assert data == file(b, instance)
    assert 2 == in_archive(b, study)


def test_what_the_other_deletes_before_its_upload(pair: Pair) -> None:
    """It is uploaded all the same, and nobody knows it. Only the Orthanc that has it pending cancels the upload."""
    a, b = pair.start({"layers": SPOOL}, {"direct": True})
    pair.archive.outage()
    orphan = a.upload(dicom.instance(1))
    (key,) = pair.known()
    cancelled = a.upload(dicom.instance(2))
    assert 200 == b.delete(f"/instances/{orphan}").status
    assert 200 == a.delete(f"/instances/{cancelled}").status
    assert 404 == a.get(f"/instances/{orphan}/file").status
    pair.archive.outage(on=False)
    until(lambda: drained(a))

    assert set() == pair.known()
    assert {key} == pair.stored()


def test_a_delayed_deletion_is_seen_by_both(pair: Pair) -> None:
    """The index has forgotten the instance; the object waits in the record of the Orthanc that was asked."""
    layers = {"layers": {"DelayedDeletion": {"KeepFor": 1}}}
    a, b = pair.start(layers, layers)
    instance = a.upload(dicom.sample())
    assert 200 == a.delete(f"/instances/{instance}").status

    assert 404 == b.get(f"/instances/{instance}/file").status
    assert [1, 0] == [status(one)["DelayedDeletion"]["PendingObjects"] for one in (a, b)]
    assert 1 == len(pair.stored())


def test_a_folder_of_a_layer_belongs_to_one(pair: Pair) -> None:
    """The other one does not start with it, and says why."""
    pair.make("a", layers=SPOOL).start()
    b = pair.make("b", layers={"WriteBehind": {"Path": str(pair.folder("a") / "WriteBehind"), "MaximumSize": 100}})
    b.launch()

    assert 0 != b.wait()
    assert "another process uses the folder" in b.log


def test_the_lock_of_the_index_keeps_the_other_out(pair: Pair) -> None:
    """It is on by default: "Lock" false is what makes a pair."""
    pair.make("a", lock=True).start()
    b = pair.make("b", lock=True)
    b.launch()

    assert 0 != b.wait()
    assert "database is locked by another instance of Orthanc" in b.log


def test_jobs_belong_to_one(pair: Pair) -> None:
    """Each has its own list, also after a restart, because each has a "DatabaseServerIdentifier"."""
    a, b = pair.start()
    a.upload(dicom.sample())
    (study,) = a.get("/studies").json()
    job = str(a.post(f"/studies/{study}/modify", MODIFY.replace(b"true}", b"false}")).json()["ID"])
    until(lambda: a.get(f"/jobs/{job}").json()["State"] == "Success")
    assert [[job], []] == [one.get("/jobs").json() for one in (a, b)]

    pair.stop()
    assert [[job], []] == [one.get("/jobs").json() for one in pair.start()]
