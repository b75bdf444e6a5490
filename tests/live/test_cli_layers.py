"""The command beside a real Orthanc with all layers, over a bucket behind a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from storage_plugins.cli import main
from storage_plugins.testing.orthanc import Orthanc
from tests.live.archive import Archive, drained, until
from tests.live.conftest import Launch
from tests.live.test_layers import expected, upload

LAYERS = ("Cache", "WriteBehind", "DelayedDeletion")


def run(orthanc: Orthanc, command: str, *arguments: object) -> Result:
    """A command on the configuration of an Orthanc."""
    file = str(orthanc.folder / "orthanc.json")
    return CliRunner().invoke(main, [*command.split(), "-c", file, *map(str, arguments)])


def test_status_from_both_sides(make: Launch, archive: Archive) -> None:
    """What Orthanc answers and what its folders tell is the same, as far as both know it."""
    with make(archive.section(*LAYERS)) as orthanc:
        instances = upload(orthanc, 5)
        until(lambda: drained(orthanc))
        archive.outage()
        upload(orthanc, 7, first=100)

        def told(*arguments: str) -> dict[str, Any]:
            result = run(orthanc, "status", "--json", *arguments)
            return dict(json.loads(result.stdout))

        until(lambda: told()["Cache"]["Entries"] == 5)
        looked, asked = told(), told("--url", orthanc.url)
        for layer, keys in {
            "Cache": ("Entries", "Bytes", "MaximumBytes"),
            "WriteBehind": ("PendingObjects", "PendingBytes", "MaximumBytes", "DamagedObjects"),
            "DelayedDeletion": ("PendingObjects",),
        }.items():
            assert looked[layer]["InUse"] is True
            assert {key: looked[layer][key] for key in keys} == {key: asked[layer][key] for key in keys}
        assert 7 == asked["WriteBehind"]["PendingObjects"]

        for instance, data in instances.items():
            assert data == orthanc.get(f"/instances/{instance}/file").body
        assert 1.0 == told("--url", orthanc.url)["Cache"]["HitRatio"]
        until(lambda: bool(told("--url", orthanc.url)["CircuitBreaker"]["Open"]))
        result = run(orthanc, "status", "--url", orthanc.url)
        assert 1 == result.exit_code
        assert "CircuitBreaker: the storage does not answer" in result.stderr
        archive.outage(on=False)
        assert 0 == run(orthanc, "spool flush", "--timeout", 60).exit_code
        until(lambda: 0 == run(orthanc, "status", "--url", orthanc.url).exit_code)


def test_status_of_an_orthanc_with_users(make: Launch, archive: Archive, tmp_path: Path) -> None:
    """And of one without the plugin."""
    password = tmp_path / "password"
    password.write_text("alicePassword")
    users = {"AuthenticationEnabled": True, "RegisteredUsers": {"alice": "alicePassword"}}
    orthanc = make(archive.section(*LAYERS), **users)
    orthanc.launch()
    until(lambda: "Orthanc has started" in orthanc.log)
    assert "give --user and --password-file" in run(orthanc, "status", "--url", orthanc.url).output
    known = run(orthanc, "status", "--url", orthanc.url, "--user", "alice", "--password-file", password)
    assert 0 == known.exit_code, known.output
    assert 0 == orthanc.stop()

    with make() as plain:
        result = run(plain, "status", "--url", plain.url)
    assert 1 == result.exit_code
    assert "this plugin is not loaded" in result.output


def test_flush_after_a_kill(make: Launch, archive: Archive) -> None:
    """What Orthanc could not upload, the command does, without Orthanc; which then goes on as if nothing was."""
    orthanc = make(archive.section(*LAYERS))
    orthanc.start()
    archive.outage()
    instances = upload(orthanc, 20)
    orthanc.kill()
    assert 1 == run(orthanc, "spool flush", "--timeout", 1).exit_code
    assert 20 == len(json.loads(run(orthanc, "spool ls", "--json").stdout)["Pending"])

    archive.outage(on=False)
    result = run(orthanc, "spool flush", "--timeout", 60)

    assert 0 == result.exit_code, result.output
    assert expected(instances) == archive.digests()
    orthanc.start()
    for instance, data in instances.items():
        assert data == orthanc.get(f"/instances/{instance}/file").body
    assert 0 == orthanc.stop()


def test_a_deleted_instance_comes_back(make: Launch, archive: Archive, tmp_path: Path) -> None:
    """As the command tells it: take the delete back, get the file, store it in Orthanc, remove the old object."""
    section = archive.section(*LAYERS, DelayedDeletion={"Path": str(archive.folder / "deletions"), "KeepFor": 24})
    with make(section) as orthanc:
        instances = upload(orthanc, 2)
        instance, data = next(iter(instances.items()))
        until(lambda: not run(orthanc, "spool ls", "--json").stdout.count("Key"))
        uuid = orthanc.get(f"/instances/{instance}/attachments/dicom/info").json()["Uuid"]
        assert 200 == orthanc.delete(f"/instances/{instance}").status
        assert 404 == orthanc.get(f"/instances/{instance}/file").status
        assert f"{uuid}.dcm" in run(orthanc, "undelete", "--list").stdout
        refused = run(orthanc, "get", uuid, tmp_path / "no")
        assert 1 == refused.exit_code
        assert f"its delete is pending: orthanc-storage undelete {uuid}.dcm" in refused.output

        assert 0 == run(orthanc, "undelete", uuid).exit_code
        assert 0 == run(orthanc, "get", uuid, tmp_path / "file").exit_code
        assert data == (tmp_path / "file").read_bytes()
        assert instance == orthanc.upload(data)
        assert 0 == run(orthanc, "rm", "--yes", uuid).exit_code
        assert data == orthanc.get(f"/instances/{instance}/file").body
        until(lambda: not run(orthanc, "spool ls", "--json").stdout.count("Key"))
    assert expected(instances) == archive.digests()
