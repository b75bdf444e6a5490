"""`orthanc-storage undelete`, and the commands for objects where some of them are pending."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.unit.layers_site import OTHER, UUID, Site, damage, new_site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A new one."""
    return new_site(tmp_path, monkeypatch)


@pytest.mark.parametrize("running", [True, False])
def test_undelete(site: Site, tmp_path: Path, running: bool) -> None:
    """A uuid takes back all of its pending content types, a key one; what is back can be read."""
    site.write(WriteBehind=None)
    objects = [f"{UUID}.dcm", f"{UUID}.dcm.head", f"{OTHER}.dcm"]
    with site.orthanc() as store:
        for key in objects:
            store.put(key, key.encode())
        for key in objects:
            store.delete(key)
        if running:
            result = site.run("undelete", UUID)
    if not running:
        result = site.run("undelete", UUID)
    assert 0 == result.exit_code, result.output
    assert {f"{UUID}.dcm", f"{UUID}.dcm.head"} == set(result.stdout.splitlines())
    assert "does not know the instances any more" in result.stderr
    assert "orthanc-storage get NAME FILE" in result.stderr

    target = tmp_path / "target"
    assert 0 == site.run("get", UUID, target).exit_code
    assert f"{UUID}.dcm".encode() == target.read_bytes()
    listed = site.run("undelete", "--list").stdout
    assert f"{OTHER}.dcm" in listed
    assert UUID not in listed
    assert 0 == site.run("undelete", f"{OTHER}.dcm").exit_code
    with site.orthanc() as store:
        assert set(objects) == {info.key for info in store.list()}


def test_undelete_of_what_is_not_pending(site: Site) -> None:
    """A message and exit status 1 for an unknown and for a due one; the others are taken back all the same."""
    site.write(WriteBehind=None)
    with site.orthanc() as store:
        for name in ("a", "b"):
            store.put(name, b"1")
            store.delete(name)
    with sqlite3.connect(site.folder / "deletions" / "deletions.db") as database:
        database.execute("update deletions set due = 5 where key = 'b'")
    assert "now" in site.run("undelete", "--list").stdout.split()

    result = site.run("undelete", "a", "b", "c", OTHER)

    assert 1 == result.exit_code
    assert ["a"] == result.stdout.splitlines()
    assert "the delete of object 'b' is due" in result.stderr
    assert "no delete of 'c' is pending" in result.stderr
    assert f"no delete of '{OTHER}' is pending" in result.stderr


def test_undelete_of_nothing(site: Site) -> None:
    """Names are needed, and no folder is made."""
    assert 2 == site.run("undelete").exit_code
    assert 1 == site.run("undelete", "a").exit_code
    assert 0 == site.run("undelete", "--list").exit_code
    assert not (site.folder / "deletions").exists()


def test_undelete_of_what_waits_in_the_spool(site: Site) -> None:
    """A delete behind an upload is not recorded yet: that is told."""
    site.leave_pending({"a": b"1"})
    pending = site.folder / "spool" / "pending"
    (pending / f"{1:016x}").rename(pending / f"{1:016x}.gone")
    result = site.run("undelete", "a")
    assert 1 == result.exit_code
    assert "the delete of object 'a' waits in the spool, behind its upload" in result.stderr


# --- the other commands ---


def test_objects_in_the_spool(site: Site, tmp_path: Path) -> None:
    """`ls`, `stat` and `get` find what is pending; the newest of a key counts, and it hides an older one."""
    key = f"{UUID}.dcm"
    site.leave_pending({key: b"older", f"{OTHER}.dcm": b"2"})
    site.leave_pending({key: b"newest"})
    site.files.mkdir()
    (site.files / key).write_bytes(b"in the storage")

    target = tmp_path / "target"
    for name in (UUID, key):
        assert 0 == site.run("get", name, target).exit_code
        assert b"newest" == target.read_bytes()
    assert "6 bytes" in site.run("stat", UUID).stdout
    rows = [line.split() for line in site.run("ls").stdout.splitlines()]
    assert [[f"{OTHER}.dcm", "to be uploaded"], [key, "to be uploaded"]] == [
        [row[0], " ".join(row[-3:])] for row in rows[1:]
    ]


def test_damage_is_told_by_get(site: Site, tmp_path: Path) -> None:
    """Nobody gets wrong bytes."""
    site.leave_pending({"a": b"1" * 100})
    damage(site, 1, seal=False)
    result = site.run("get", "a", tmp_path / "target")
    assert 1 == result.exit_code
    assert "is damaged: block 0 has another checksum" in result.output


@pytest.mark.parametrize("name", [UUID, f"{UUID}.dcm"])
def test_objects_whose_delete_is_pending(site: Site, name: str) -> None:
    """They are not found, as in Orthanc, and the message says how to have them back."""
    site.write(WriteBehind=None)
    with site.orthanc() as store:
        store.put(f"{UUID}.dcm", b"1")
        store.delete(f"{UUID}.dcm")
    assert {f"{UUID}.dcm"} == set(site.stored())
    for command in ("stat", "get", "rm"):
        result = site.run(command, name)
        assert 1 == result.exit_code
        assert "is not found, its delete is pending: orthanc-storage undelete" in result.output
        assert 1 == len(result.output.splitlines())
    assert "to be deleted" in site.run("ls").stdout


def test_a_delete_in_the_spool(site: Site) -> None:
    """The same for what waits there."""
    site.leave_pending({"a": b"1"})
    pending = site.folder / "spool" / "pending"
    (pending / f"{1:016x}").rename(pending / f"{1:016x}.gone")
    result = site.run("get", "a")
    assert 1 == result.exit_code
    assert "object 'a' is not found, its delete is pending in the spool" in result.output


def test_what_orthanc_would_undo_is_refused(site: Site, tmp_path: Path) -> None:
    """A `put` or `rm` under a key that is pending."""
    source = tmp_path / "source"
    source.write_bytes(b"new")
    site.leave_pending({"a": b"1"})
    for result in (site.run("put", "--replace", source, "a"), site.run("rm", "--yes", "a")):
        assert 1 == result.exit_code
        assert "object 'a' is still to be uploaded: first orthanc-storage spool flush" in result.output
    site.write(WriteBehind=None)
    with site.orthanc() as store:
        store.put("b", b"1")
        store.delete("b")
    result = site.run("put", source, "b")
    assert 1 == result.exit_code
    assert "object 'b' is still to be deleted: first orthanc-storage undelete b" in result.output


def test_check_opens_only_the_backend(site: Site) -> None:
    """Folders of layers are not touched, so it may run beside Orthanc."""
    with site.orthanc():
        before = sorted((site.folder / "spool").rglob("*"))
        result = site.run("check", "--largest", 1)
        assert 0 == result.exit_code, result.output
        assert before == sorted((site.folder / "spool").rglob("*"))
