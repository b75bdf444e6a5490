"""`orthanc-storage status`."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from storage_plugins.cli import main
from storage_plugins.disk.folder import OwnedFolder, is_owned
from tests.unit.layers_site import Site, damage, new_site, until


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A new one."""
    return new_site(tmp_path, monkeypatch)


# --- from the folders ---


def test_status_of_nothing_yet(site: Site) -> None:
    """Before the first start there are no folders, and looking makes none."""
    result = site.run("status", "--json")
    assert 0 == result.exit_code, result.output
    told = json.loads(result.stdout)
    assert (0, 0, 10 << 20) == tuple(told["Cache"][key] for key in ("Entries", "Bytes", "MaximumBytes"))
    assert (0, 0, 0) == tuple(told["WriteBehind"][key] for key in ("PendingObjects", "PendingBytes", "DamagedObjects"))
    assert [] == told["Attention"]
    assert ["orthanc.json"] == [path.name for path in site.folder.iterdir()]


@pytest.mark.parametrize("running", [True, False])
def test_status(site: Site, running: bool) -> None:
    """Cache, spool and deletes by number, bytes and age, whether Orthanc runs or not; nothing is changed."""
    with site.orthanc() as store:
        for number in range(5):
            store.put(f"a{number}", b"x" * 1000)
        until(lambda: 5 == len(site.stored()))
        until(lambda: not os.listdir(site.folder / "spool" / "pending"))
        store.delete("a0")
        site.fault("away")
        store.put("b0", b"y" * 300)
        store.put("b1", b"y" * 400)
        until(lambda: 4 == json.loads(site.run("status", "--json").stdout)["Cache"]["Entries"])
        if running:
            told = json.loads(site.run("status", "--json").stdout)
    if not running:
        before = sorted(site.folder.rglob("*"))
        told = json.loads(site.run("status", "--json").stdout)
        assert before == sorted(site.folder.rglob("*"))
    for layer in ("Cache", "WriteBehind", "DelayedDeletion"):
        assert running is told[layer]["InUse"]
    assert (4, 4000) == (told["Cache"]["Entries"], told["Cache"]["Bytes"])
    assert (2, 700) == (told["WriteBehind"]["PendingObjects"], told["WriteBehind"]["PendingBytes"])
    assert 0 < told["WriteBehind"]["OldestSeconds"] < 60
    assert 1 == told["DelayedDeletion"]["PendingObjects"]
    assert 0 < told["DelayedDeletion"]["OldestSeconds"] < 60


def test_status_for_people(site: Site) -> None:
    """A table, and nothing on standard error when all is well."""
    site.leave_pending({"a": bytes(2000)})
    result = site.run("status")
    assert 0 == result.exit_code
    assert "" == result.stderr
    assert "2.0 kB" in result.stdout
    assert "10.5 MB" in result.stdout


@pytest.mark.parametrize("seal", [True, False])
def test_status_tells_of_damage(site: Site, seal: bool) -> None:
    """Damaged files in the spool, found by looking or put aside, are exit status 1 and a message."""
    site.leave_pending({"a": b"1", "b": b"2"})
    assert 0 == site.run("status").exit_code
    damage(site, 1, seal=seal)
    if not seal:  # that is found by who reads it
        with site.orthanc():
            until(lambda: bool(os.listdir(site.folder / "spool" / "damaged")))
    result = site.run("status")
    assert 1 == result.exit_code
    assert "1 damaged files in the spool were not uploaded" in result.stderr


def test_status_when_the_spool_is_nearly_full(site: Site) -> None:
    """Before modalities are refused."""
    site.leave_pending({"a": bytes(9 << 20)})
    assert 0 == site.run("status").exit_code
    site.leave_pending({"b": bytes(500 << 10)})
    result = site.run("status")
    assert 1 == result.exit_code
    assert "the spool is nearly full" in result.stderr


@pytest.mark.parametrize(("folder", "name"), [("cache", "index.db"), ("deletions", "deletions.db")])
def test_status_of_a_damaged_database(site: Site, folder: str, name: str) -> None:
    """It is told, and the other layers are shown all the same."""
    site.leave_pending({"a": b"1"})
    (site.folder / folder).mkdir()
    (site.folder / folder / name).write_bytes(b"no database" * 1000)
    result = site.run("status", "--json")
    assert 1 == result.exit_code
    assert f"cannot read {site.folder}/{folder}/{name}: file is not a database" in result.stderr
    assert 1 == json.loads(result.stdout)["WriteBehind"]["PendingObjects"]


def test_status_after_a_kill(site: Site) -> None:
    """What is only in the log of a database is counted, too."""
    (site.folder / "deletions").mkdir()
    database = sqlite3.connect(site.folder / "deletions" / "deletions.db", isolation_level=None)
    database.execute("pragma journal_mode = wal")
    database.execute("create table deletions (key text primary key, deleted real, due real)")
    database.execute("insert into deletions values ('a', 1, 2)")
    assert (site.folder / "deletions" / "deletions.db-wal").stat().st_size
    assert 1 == json.loads(site.run("status", "--json").stdout)["DelayedDeletion"]["PendingObjects"]
    database.close()


def test_status_without_layers(site: Site) -> None:
    """That is said."""
    site.write(Cache=None, WriteBehind=None, DelayedDeletion=None)
    result = site.run("status")
    assert 0 == result.exit_code
    assert "No layer is configured." in result.stderr


def test_to_ask_who_owns_a_folder_is_no_obstacle(tmp_path: Path) -> None:
    """Orthanc starts while others ask all the time, and two who ask do not take each other for Orthanc."""
    OwnedFolder(str(tmp_path), "x").release()
    end = time.monotonic() + 1
    wrong = 0

    def ask() -> None:
        nonlocal wrong
        while time.monotonic() < end:
            wrong += is_owned(str(tmp_path))

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert 0 == wrong

    end = time.monotonic() + 1
    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    while time.monotonic() < end:
        OwnedFolder(str(tmp_path), "x").release()
    for asker in askers:
        asker.join()


# --- of a running Orthanc ---


@contextmanager
def answering(code: int, body: bytes, token: str = "") -> Iterator[str]:
    """The address of a server that gives one answer to whoever knows the token."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("Authorization", "") == token
            self.send_response((code if self.path == "/storage-plugins/status" else 404) if known else 401)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()
            self.wfile.write(body if known else b"")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def ask(*arguments: object) -> Result:
    """`status` with no configuration on this machine."""
    return CliRunner().invoke(main, ["status", "-c", "/nowhere", *map(str, arguments)])


ANSWER = {
    "Backend": "s3",
    "CircuitBreaker": {"Open": False, "OpenSeconds": 0.0},
    "Cache": {"HitRatio": 0.75, "Bytes": 2000, "Failing": False},
    "WriteBehind": {"PendingObjects": 0, "PendingBytes": 0, "MaximumBytes": 1000, "DamagedObjects": 0},
}


def test_status_of_orthanc() -> None:
    """What it answers is shown, as it is to programs and in words to people."""
    with answering(200, json.dumps(ANSWER).encode()) as url:
        result = ask("--url", url + "/")
        told = json.loads(ask("--url", url, "--json").stdout)
    assert (0, "") == (result.exit_code, result.stderr)
    assert "75.0%" in result.stdout
    assert ANSWER | {"Attention": []} == told


@pytest.mark.parametrize(
    ("layer", "change", "message"),
    [
        ("CircuitBreaker", {"Open": True}, "the storage does not answer"),
        ("Cache", {"Failing": True}, "its disk cannot be used"),
        ("WriteBehind", {"DamagedObjects": 2}, "2 damaged files in the spool"),
        ("WriteBehind", {"RefusedObjects": 3}, "the storage refuses 3 objects"),
        ("WriteBehind", {"PendingBytes": 950}, "the spool is nearly full"),
    ],
)
def test_what_needs_attention(layer: str, change: dict[str, Any], message: str) -> None:
    """Exit status 1, and a sentence."""
    with answering(200, json.dumps(ANSWER | {layer: ANSWER[layer] | change}).encode()) as url:  # type: ignore[operator]
        result = ask("--url", url, "--json")
    assert 1 == result.exit_code
    assert message in result.stderr
    assert message in json.loads(result.stdout)["Attention"][0]


def test_status_of_an_orthanc_with_users(tmp_path: Path) -> None:
    """The password comes from a file and goes into no message."""
    file = tmp_path / "password"
    file.write_text("hunter2secret\n")
    token = "Basic " + b64encode(b"monitor:hunter2secret").decode()
    with answering(200, json.dumps(ANSWER).encode(), token) as url:
        assert 0 == ask("--url", url, "--user", "monitor", "--password-file", file).exit_code
        refused = ask("--url", url, "--user", "somebody", "--password-file", file)
        nobody = ask("--url", url)
    assert (1, 1) == (refused.exit_code, nobody.exit_code)
    assert "does not let the user 'somebody' ask (HTTP 401)" in refused.output
    assert "hunter2secret" not in refused.output
    assert "give --user and --password-file" in nobody.output


@pytest.mark.parametrize(
    ("code", "body", "message"),
    [
        (404, b"", "this plugin is not loaded"),
        (500, b"", "answered with HTTP 500"),
        (302, b"", "answered with HTTP 302"),
        (200, b"<html>", "is no Orthanc with this plugin"),
        (200, b"[]", "is no Orthanc with this plugin"),
    ],
)
def test_other_answers(code: int, body: bytes, message: str) -> None:
    """Each is one line, and exit status 1."""
    with answering(code, body) as url:
        result = ask("--url", url)
    assert 1 == result.exit_code
    assert message in result.output
    assert 1 == len(result.output.splitlines())


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:9", "cannot be reached: [Errno 111] Connection refused"),
        ("file:///etc", "is not the address of an Orthanc"),
        ("localhost:8042", "is not the address of an Orthanc"),
    ],
)
def test_an_orthanc_that_is_not_there(url: str, message: str) -> None:
    """One line as well."""
    result = ask("--url", url)
    assert 1 == result.exit_code
    assert message in result.output
    assert 1 == len(result.output.splitlines())
