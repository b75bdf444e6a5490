"""Create, read, read a range, remove: what Orthanc gets back, bytes and codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.native.host import UNTOUCHED, FakeHost, shown, uuid

A = uuid(1)
MEMORY = {"Backend": "memory"}


@pytest.fixture(params=["memory", "local"])
def section(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """A section for each backend that is always there."""
    options = {"local": {"Path": str(tmp_path / "root"), "Sync": False}}
    return {"Backend": request.param, "Options": options.get(request.param, {})}


def test_an_attachment_can_be_read_whole_and_in_part_until_it_is_removed(
    host: FakeHost, section: dict[str, Any]
) -> None:
    """What was created is read back byte for byte, and is gone after it was removed."""
    script = [f"create {A} 1 616263 6", f"read {A} 1", f"range {A} 1 1 3", f"remove {A} 1", f"read {A} 1"]
    outcome = host.run(script, section)

    assert [0, 0, 0, 0, 13] == outcome.codes
    assert [b"abcabc".hex(), ""] == [answer["bytes"] for answer in outcome.all("read")]
    assert b"bca".hex() == outcome.one("range")["bytes"]
    assert 0 == outcome.status


def test_ranges_reach_to_both_ends(host: FakeHost, section: dict[str, Any]) -> None:
    """A range may start at the first byte, end at the last, be the whole object, or be empty anywhere up to its end."""
    ranges = [(0, 2, "6162"), (4, 2, "6566"), (0, 6, b"abcdef".hex()), (0, 0, ""), (6, 0, "")]
    script = [f"create {A} 1 616263646566 6", *(f"range {A} 1 {start} {size}" for start, size, _ in ranges)]
    outcome = host.run(script, section)

    assert [(0, expected) for _, _, expected in ranges] == [(a["code"], a["bytes"]) for a in outcome.all("range")]


@pytest.mark.parametrize(("start", "size"), [(0, 7), (5, 2), (6, 1), (2**63, 1), (2**64 - 1, 1)])
def test_a_range_past_the_end_is_refused(host: FakeHost, section: dict[str, Any], start: int, size: int) -> None:
    """A range that ends past the end of the object gives 41, which Orthanc tells as HTTP 416, and writes nothing."""
    outcome = host.run([f"create {A} 1 61 6", f"range {A} 1 {start} {size}"], section)

    assert (41, UNTOUCHED * size) == (outcome.one("range")["code"], outcome.one("range")["bytes"])


def test_a_missing_attachment_is_told_as_missing(host: FakeHost, section: dict[str, Any]) -> None:
    """Reading what is not there gives 13, which Orthanc tells as HTTP 404; removing it is a success."""
    outcome = host.run([f"read {A} 1", f"range {A} 1 0 4", f"remove {A} 1"], section)

    assert [13, 13, 0] == outcome.codes
    assert not outcome.one("read")["touched"]
    assert UNTOUCHED * 4 == outcome.one("range")["bytes"]


def test_an_empty_attachment_can_be_stored(host: FakeHost, section: dict[str, Any]) -> None:
    """Orthanc gives no address for no bytes, and gets back success and no bytes."""
    outcome = host.run([f"create {A} 1 null 0", f"read {A} 1", f"range {A} 1 0 0", f"range {A} 1 0 1"], section)

    assert [0, 0, 0, 41] == outcome.codes
    assert 0 == outcome.one("read")["size"]


@pytest.mark.parametrize("size", [1, 65, 100_000, 16 << 20])
def test_attachments_of_all_sizes_are_whole(host: FakeHost, section: dict[str, Any], size: int) -> None:
    """No size is a special case."""
    pattern = bytes.fromhex("00017f80ff")
    script = [
        f"create {A} 1 {pattern.hex()} {size}",
        f"read {A} 1",
        f"range {A} 1 0 {size}",
        f"range {A} 1 {size - 1} 1",
    ]
    outcome = host.run(script, section)
    whole = outcome.one("read")
    same, last = outcome.all("range")

    assert [0, 0, 0, 0] == outcome.codes
    assert (size, whole["bytes"]) == (whole["size"], same["bytes"])
    assert f"{pattern[(size - 1) % len(pattern)]:02x}" == last["bytes"]
    if size <= 100_000:  # a digest of many bytes takes long in Python
        assert shown((pattern * size)[:size]) == whole["bytes"]


def test_content_types_of_one_uuid_are_apart_in_the_flat_layout(host: FakeHost) -> None:
    """A suffix tells the content types of an uuid apart; what Orthanc does not name is stored as unknown."""
    types = (0, 1, 2, 3)
    script = [
        *(f"create {A} {kind} 0{kind} 1" for kind in types),
        *(f"read {A} {kind}" for kind in types),
        f"remove {A} 3",
        f"read {A} 3",
        f"read {A} 1024",
    ]
    outcome = host.run(script, MEMORY)

    assert ["00", "01", "02", "03", "", "00"] == [answer["bytes"] for answer in outcome.all("read")]
    assert 13 == outcome.all("read")[4]["code"]


def test_the_local_backend_writes_where_orthanc_itself_would(host: FakeHost, tmp_path: Path) -> None:
    """The files lie below the root as Orthanc's own disk storage lays them."""
    section = {"Options": {"Path": str(tmp_path / "root")}}
    outcome = host.run([f"create {A} 1 616263 6"], section)

    assert [0] == outcome.codes
    assert b"abcabc" == (tmp_path / "root" / A[:2] / A[2:4] / A).read_bytes()


HOSTILE = {
    "parent folder": r"../../../../../../../../outside",
    "absolute": r"/outside",
    "folder inside": r"aa/bb",
    "empty": r"''",
    "dot": r".",
    "too long": "a" * 5000,
    "uuid and more": A + "x",
    "uuid and a line": A + r"\x0a",
    "uuid after a folder": "../" + A,
    "not UTF-8": r"\xff\xfe\x80",
    "format": r"%s%s%s%n%n%n",
    "format in a uuid": A[:-4] + "%s%n",
    "control characters": r"\x01\x1b[31m",
    "digits of another script": r"\xd9\xa0" * 8 + A[8:],
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_uuid_is_refused(host: FakeHost, tmp_path: Path, hostile: str) -> None:
    """A text that is not a uuid gives 3 for every verb, one line of log each, and touches no file anywhere."""
    root = tmp_path / "store" / "root"
    script = [f"create {hostile} 1 61 4", f"read {hostile} 1", f"range {hostile} 1 0 4", f"remove {hostile} 1"]
    outcome = host.run([*script, f"create {A} 1 61 4", f"read {A} 1"], {"Options": {"Path": str(root)}})
    files = [path.relative_to(root.parent).as_posix() for path in root.parent.rglob("*") if path.is_file()]

    assert [3, 3, 3, 3, 0, 0] == outcome.codes
    assert 4 == len([text for text in outcome.texts() if "expected 8-4-4-4-12 hexadecimal digits" in text])
    assert "" == outcome.noise
    assert [f"root/{A[:2]}/{A[2:4]}/{A}"] == files
    assert 0 == outcome.status


@pytest.mark.parametrize("size", [-1, -(2**63)])
def test_a_negative_size_is_refused(host: FakeHost, size: int) -> None:
    """A create with a negative size gives 3, without asking Python."""
    outcome = host.run([f"create {A} 1 null {size}", f"create {A} 1 null 4", f"read {A} 1"], MEMORY)

    assert [3, 3, 13] == outcome.codes
