"""From Orthanc's attachments to keys of objects, and back.

Layouts, as the official object-storage plugins 2.5 and Orthanc's own disk storage write them:

    flat     <prefix>/<uuid>.dcm            one folder; the suffix tells the content type
    flat     <prefix>/<uuid>.dcm.enc        the same with encryption
    legacy   <prefix>/ab/cd/<uuid>          two levels from the first four digits; no suffix, encrypted or not

A key has segments separated by "/". No segment is empty, "." or "..", so that a key cannot leave the root it is under.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from storage_plugins.errors import KeyInvalid

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")

# Content types of the Orthanc SDK. Anything else, user attachments included, reaches a storage area as "unknown".
_UNKNOWN, _UNTIL_PIXEL_DATA = 0, 3
_SUFFIXES = {1: ".dcm", 2: ".json", _UNTIL_PIXEL_DATA: ".dcm.head"}
_UNKNOWN_SUFFIX = ".unk"
_ENCRYPTED_SUFFIX = ".enc"
_TYPES = {suffix: content_type for content_type, suffix in _SUFFIXES.items()} | {_UNKNOWN_SUFFIX: _UNKNOWN}

# Keys that need no closer look: short, and of plain segments that do not start with a dot.
_PLAIN = re.compile(r"(?=.{1,255}\Z)[0-9A-Za-z_-][0-9A-Za-z_.-]*(?:/[0-9A-Za-z_-][0-9A-Za-z_.-]*)*")

_MAXIMUM_KEY_BYTES = 1024  # the smallest limit in the field: S3 and GCS


class Layout(StrEnum):
    """How the key of an attachment is made."""

    FLAT = "flat"
    LEGACY = "legacy"


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment as a key tells it. `content_type` is None where the layout does not keep it."""

    uuid: str
    content_type: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """The parts of a key: `prefix`, "ab/cd/" from the uuid's first digits if `folders`, the uuid, and a suffix."""

    prefix: str
    folders: bool
    suffixes: tuple[str, ...]
    """By content type, from 0 to 3."""


class Naming:
    """Keys of attachments under one prefix in one layout."""

    def __init__(self, layout: Layout, prefix: str = "", *, encrypted: bool = False) -> None:
        """`prefix` has no slash at its ends; "" means none. Raises KeyInvalid."""
        if prefix:
            check_key(prefix)
        self.layout = layout
        self.prefix = f"{prefix}/" if prefix else ""
        self._end = _ENCRYPTED_SUFFIX if encrypted and layout is Layout.FLAT else ""

    def key(self, uuid: str, content_type: int) -> str:
        """The key of an attachment. Raises KeyInvalid when `uuid` is not a uuid."""
        if _UUID.fullmatch(uuid) is None:
            msg = f"{uuid!r} is not the uuid of an attachment: expected 8-4-4-4-12 hexadecimal digits"
            raise KeyInvalid(msg)
        if self.layout is Layout.LEGACY:
            return f"{self.prefix}{uuid[:2]}/{uuid[2:4]}/{uuid}"
        return f"{self.prefix}{uuid}{_SUFFIXES.get(content_type, _UNKNOWN_SUFFIX)}{self._end}"

    def place(self) -> Place:
        """How `key` makes keys, for code that is not Python."""
        if self.layout is Layout.LEGACY:
            return Place(self.prefix, folders=True, suffixes=("",) * 4)
        suffixes = tuple(f"{_SUFFIXES.get(content_type, _UNKNOWN_SUFFIX)}{self._end}" for content_type in range(4))
        return Place(self.prefix, folders=False, suffixes=suffixes)

    def attachment(self, key: str) -> Attachment | None:
        """The attachment that a key stands for; None when this naming does not make such a key."""
        if not key.startswith(self.prefix):
            return None
        name = key.rpartition("/")[2]
        uuid, suffix = name[:36], name[36:].removesuffix(self._end)
        content_type = _TYPES.get(suffix) if self.layout is Layout.FLAT else None
        made = _UUID.fullmatch(uuid) is not None and self.key(uuid, content_type or 0) == key
        return Attachment(uuid, content_type) if made else None

    def unknown_twin(self, key: str) -> str | None:
        """Where early versions of the official plugins put what is under `key`: DICOM until pixel data, as unknown.

        They did so from 1.2 to 1.3.2, with Orthanc 1.9.3. None when there is no such place.
        """
        attachment = self.attachment(key)
        if attachment is None or attachment.content_type != _UNTIL_PIXEL_DATA:
            return None
        return self.key(attachment.uuid, _UNKNOWN)


def check_key(key: str) -> None:
    """Raises KeyInvalid unless `key` is one that every store accepts."""
    if _PLAIN.fullmatch(key) is not None:
        return
    reason = _fault(key)
    if reason is not None:
        msg = f"{key[:100]!r} cannot be the key of an object: {reason}"
        raise KeyInvalid(msg)


def _fault(key: str) -> str | None:
    if len(key.encode(errors="surrogatepass")) > _MAXIMUM_KEY_BYTES:
        return f"it is longer than {_MAXIMUM_KEY_BYTES} bytes"
    if any(segment in ("", ".", "..") for segment in key.split("/")):
        return 'it has an empty segment, or one that is "." or ".."'
    if not key.isprintable():
        return "it has a character that cannot be printed"
    return None
