from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage_plugins.errors import KeyInvalid
from storage_plugins.keys import Attachment, Layout, Naming, check_key

UUID = "f4247d92-1ea6-4f8b-bc62-e3a6fa24c6df"
OFFICIAL = Path(__file__).parents[1] / "data" / "official"


@pytest.mark.parametrize("manifest", sorted(OFFICIAL.glob("*/manifest.json")), ids=lambda path: path.parent.name)
def test_keys_of_the_official_plugin(manifest: Path) -> None:
    """Keys that the official S3 plugin 2.5.4 has written are the keys that we make for the same attachments."""
    found = json.loads(manifest.read_text())
    section = found["section"]["AwsS3Storage"]
    layout = Layout(section.get("StorageStructure", "flat"))
    naming = Naming(layout, section.get("RootPath", ""), encrypted="StorageEncryption" in section)
    assert found["objects"]
    for object_ in found["objects"]:
        attachment = naming.attachment(object_["key"])
        assert attachment is not None

        until_pixel_data = ".head" in object_["key"]
        content_type = 3 if until_pixel_data else 1 if object_["plain_is"].endswith(".dcm") else 0

        assert object_["key"] == naming.key(attachment.uuid, content_type)
        assert attachment.content_type == (content_type if layout is Layout.FLAT else None)


@pytest.mark.parametrize("content_type", [0, 1, 2, 3])
@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("prefix", ["", "a/b"])
@pytest.mark.parametrize("encrypted", [False, True])
def test_places(layout: Layout, prefix: str, content_type: int, *, encrypted: bool) -> None:
    """What C puts together is the key."""
    naming = Naming(layout, prefix, encrypted=encrypted)
    place = naming.place()
    folders = f"{UUID[:2]}/{UUID[2:4]}/" if place.folders else ""

    assert naming.key(UUID, content_type) == f"{place.prefix}{folders}{UUID}{place.suffixes[content_type]}"


@pytest.mark.parametrize(
    ("content_type", "suffix"),
    [(0, ".unk"), (1, ".dcm"), (2, ".json"), (3, ".dcm.head"), (1024, ".unk"), (65535, ".unk")],
)
def test_flat_suffixes(content_type: int, suffix: str) -> None:
    """The suffix tells the content type; user attachments are "unknown"."""
    assert f"{UUID}{suffix}" == Naming(Layout.FLAT).key(UUID, content_type)


@pytest.mark.parametrize(
    "uuid",
    [
        "",
        "..",
        "../../etc/passwd",
        UUID[:-1],
        UUID + "a",
        UUID + "\n",
        UUID.replace("-", "/"),
        "g" + UUID[1:],
        UUID + "\0",
    ],
)
def test_what_is_no_uuid(uuid: str) -> None:
    """A uuid that Orthanc would not make is refused before it becomes part of a path."""
    with pytest.raises(KeyInvalid):
        Naming(Layout.LEGACY).key(uuid, 1)


@given(st.uuids().map(str), st.sampled_from([0, 1, 2, 3]), st.sampled_from(Layout), st.sampled_from(["", "a", "a/b c"]))
def test_attachment_inverts_key(uuid: str, content_type: int, layout: Layout, prefix: str) -> None:
    """Each key tells its attachment, as far as the layout keeps it."""
    naming = Naming(layout, prefix)

    key = naming.key(uuid, content_type)

    check_key(key)
    assert Attachment(uuid, content_type if layout is Layout.FLAT else None) == naming.attachment(key)
    assert naming.attachment(f"x{key}") is None
    assert naming.attachment(f"{key}.x") is None


@pytest.mark.parametrize("prefix", ["/a", "a/", "a//b", "..", "a/../b"])
def test_bad_prefixes(prefix: str) -> None:
    """A prefix has no empty segment and no dots that climb."""
    with pytest.raises(KeyInvalid):
        Naming(Layout.FLAT, prefix)


def test_twins() -> None:
    """Early official plugins wrote DICOM until pixel data as unknown; in layout legacy both names are the same."""
    for encrypted in (False, True):
        flat = Naming(Layout.FLAT, "a", encrypted=encrypted)
        assert flat.key(UUID, 0) == flat.unknown_twin(flat.key(UUID, 3))
        assert [None] * 3 == [flat.unknown_twin(flat.key(UUID, content_type)) for content_type in (0, 1, 2)]
    legacy = Naming(Layout.LEGACY)
    assert None is legacy.unknown_twin(legacy.key(UUID, 3))
    assert None is flat.unknown_twin("a/neighbour")
