"""`orthanc-storage spool`: what is pending, and how to upload it."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from pathlib import Path

import pytest
from click.testing import Result

from storage_plugins.disk.folder import is_owned
from storage_plugins.disk.spool import Spool
from tests.unit.layers_site import Site, damage, new_site

NOBODY = 65534


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A new one."""
    return new_site(tmp_path, monkeypatch)


def test_spool_ls(site: Site) -> None:
    """In the order of arrival: keys, sizes, ages, deletes; and damaged files, with the key where it is known."""
    site.leave_pending({"b": b"1" * 2000, "a": b"2", "c": b"3"})
    pending = site.folder / "spool" / "pending"
    (pending / f"{2:016x}").rename(pending / f"{2:016x}.gone")
    os.utime(pending / f"{1:016x}", (time.time() - 7300, time.time() - 7300))
    damage(site, 3, seal=True)
    aside = Spool(str(site.folder / "spool"), "a test")
    aside.set_aside(aside.add("d", b"4"), "of this test")
    aside.close()

    told = json.loads(site.run("spool ls", "--json").stdout)
    assert [("b", 2000, False), ("a", 1, True)] == [
        (entry["Key"], entry["Size"], entry["Delete"]) for entry in told["Pending"]
    ]
    assert 7300 <= told["Pending"][0]["AgeSeconds"] < 7400
    assert [(f"{3:016x}", None), (f"{4:016x}", "d")] == [
        (Path(found["File"]).name, found["Key"]) for found in told["Damaged"]
    ]
    table = [line.split() for line in site.run("spool ls").stdout.splitlines()]
    assert ["b", "2.0", "kB", "2", "h", "1", "min", "upload"] in table
    assert "delete" == next(line for line in table if line[0] == "a")[-1]
    assert 2 == sum("damaged:" in line for line in table)


def test_flush(site: Site) -> None:
    """Uploads all that is pending, bytes and all, deletes what was removed, and leaves nothing running."""
    objects = {f"o{number}": os.urandom(3000) for number in range(50)}
    site.leave_pending(objects)
    pending = site.folder / "spool" / "pending"
    (pending / f"{1:016x}").rename(pending / f"{1:016x}.gone")
    before = threading.active_count()

    result = site.run("spool flush")

    assert 0 == result.exit_code, result.output
    assert re.search(r"^\d+ objects, \d+.\d kB pending$", result.stderr, re.MULTILINE)
    assert "Nothing is pending." in result.stdout
    assert {key: data for key, data in objects.items() if key != "o0"} == site.stored()
    assert [] == os.listdir(pending)
    assert not is_owned(str(site.folder / "spool"))
    assert before == threading.active_count()


def test_flush_when_the_storage_is_away(site: Site) -> None:
    """When the time is up: exit status 1, the number left, and the last error; a later flush finishes."""
    site.write(WriteBehind=site.section["WriteBehind"] | {"DrainTimeout": 60})
    site.leave_pending({"a": bytes(1000), "b": bytes(500)})
    site.fault("away")
    started = time.monotonic()
    result = site.run("spool flush", "--timeout", 1)
    assert 1 == result.exit_code
    assert time.monotonic() - started < 20
    assert (
        "Error: 2 objects, 1.5 kB left in the spool: the time is up. The last error: cannot put object" in result.stderr
    )
    assert {} == site.stored()
    site.fault("")
    assert 0 == site.run("spool flush", "--timeout", 20).exit_code
    assert {"a", "b"} == set(site.stored())


def test_flush_that_is_refused(site: Site) -> None:
    """It ends by itself, after everything else was uploaded, and tells why."""
    site.leave_pending({"a1": b"1", "refused": b"2", "a2": b"3"})
    site.fault("refused")
    result = site.run("spool flush", "--timeout", 20)
    assert 1 == result.exit_code
    assert "1 object, 1 byte left in the spool: the storage refuses them: cannot put object 'refused': the" in (
        result.stderr
    )
    assert {"a1", "a2"} == set(site.stored())


def test_flush_where_everything_is_refused(site: Site) -> None:
    """It does not try thousands of objects before it gives up."""
    site.write(WriteBehind=site.section["WriteBehind"] | {"LongestWait": 0.05, "Uploaders": 1})
    site.leave_pending({f"o{number:04}": b"" for number in range(1000)})
    site.fault("o")
    result = site.run("spool flush", "--timeout", 10)
    assert 1 == result.exit_code
    assert "1000 objects, 0 bytes left in the spool: the storage refuses them" in result.stderr


def test_flush_while_orthanc_runs(site: Site) -> None:
    """It only looks on until the spool is empty."""
    site.fault("away")
    with site.orthanc() as store:
        store.put("a", b"1")
        threading.Timer(1.0, site.fault, [""]).start()
        result = site.run("spool flush", "--timeout", 20)
        assert 0 == result.exit_code, result.output
        assert "Orthanc runs and uploads by itself" in result.stderr
        assert {"a": b"1"} == site.stored()

        site.fault("away")
        store.put("b", b"1")
        result = site.run("spool flush", "--timeout", 0.5)
        assert 1 == result.exit_code
        assert "left in the spool: the time is up" in result.stderr


def test_flush_when_orthanc_stops_meanwhile(site: Site) -> None:
    """Nobody would go on."""
    site.fault("away")
    with site.orthanc() as store:
        store.put("a", b"1")
        result: list[Result] = []
        follower = threading.Thread(target=lambda: result.append(site.run("spool flush")))
        follower.start()
        time.sleep(0.5)
        assert [] == result
    follower.join(20)
    assert 1 == result[0].exit_code
    assert "Orthanc has stopped. Run this again to upload them" in result[0].stderr


def test_flush_with_damage(site: Site) -> None:
    """The rest is uploaded, and the exit status is 1."""
    site.leave_pending({"a": b"1", "b": b"2"})
    damage(site, 1, seal=False)
    result = site.run("spool flush")
    assert 1 == result.exit_code
    assert "1 damaged files not uploaded" in result.stderr
    assert {"b": b"2"} == site.stored()


def test_flush_by_somebody_else(site: Site) -> None:
    """What root makes in the folders, Orthanc could not use."""
    site.leave_pending({"a": b"1"})
    os.chown(site.folder / "spool", NOBODY, NOBODY)
    result = site.run("spool flush")
    assert 1 == result.exit_code
    assert "belongs to the user nobody: run this as that user" in result.stderr
    assert {} == site.stored()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("spool ls", "WriteBehind is not configured"),
        ("spool flush", "WriteBehind is not configured"),
        ("undelete --list", "DelayedDeletion is not configured"),
    ],
)
def test_layers_that_are_not_configured(site: Site, command: str, message: str) -> None:
    """One line."""
    site.write(WriteBehind=None, DelayedDeletion=None)
    result = site.run(command)
    assert 1 == result.exit_code
    assert message in result.output
    assert 1 == len(result.output.splitlines())


def test_flush_of_nothing(site: Site) -> None:
    """Before the first start: nothing is made, not even a folder."""
    assert 0 == site.run("spool flush").exit_code
    assert ["orthanc.json"] == [path.name for path in site.folder.iterdir()]
