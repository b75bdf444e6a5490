from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from storage_plugins.a1 import OVERHEAD, MasterKeys
from storage_plugins.errors import ConfigInvalid, Corrupt
from tests.encryption import encrypt

OFFICIAL = Path(__file__).parents[1] / "data" / "official"
OBJECTS = json.loads((OFFICIAL / "flat-encrypted" / "manifest.json").read_text())["objects"]
FILES = {7: str(OFFICIAL / "master-7.key"), 1: str(OFFICIAL / "master-1.key")}
MASTER = base64.b64decode((OFFICIAL / "master-1.key").read_text())


def decrypt(keys: MasterKeys, stored: bytes) -> bytes:
    """Into memory of exactly the size of what is inside."""
    target = bytearray(max(0, len(stored) - OVERHEAD))
    keys.decrypt("x", memoryview(stored), memoryview(target))
    return bytes(target)


@pytest.mark.parametrize("object_", OBJECTS, ids=lambda object_: str(object_["plain_is"]))
def test_objects_of_the_official_plugin(object_: dict[str, Any]) -> None:
    """Real ones."""
    plain = decrypt(MasterKeys.load(FILES), (OFFICIAL / object_["file"]).read_bytes())

    assert (object_["plain_size"], object_["plain_sha256"]) == (len(plain), hashlib.sha256(plain).hexdigest())


@pytest.mark.parametrize("size", [0, 1, 14, 15, 16, 17, 31, 1000, 1 << 20])
def test_sizes(size: int) -> None:
    """All of them come back, with the older of two keys."""
    data = bytes(range(256)) * (size // 256 + 1)

    assert data[:size] == decrypt(MasterKeys.load(FILES), encrypt(data[:size], 1, MASTER))


@pytest.mark.parametrize("at", [0, 1, 2, 5, 6, 37, 38, 69, 70, 85, 86, 100, -16, -1])
def test_a_bit_that_changed(at: int) -> None:
    """Each byte counts: mark, number, vector, key, data, tag."""
    stored = bytearray(encrypt(bytes(100), 1, MASTER))
    stored[at] ^= 1

    with pytest.raises((Corrupt, ConfigInvalid)):
        decrypt(MasterKeys.load(FILES), bytes(stored))


@pytest.mark.parametrize("length", [0, 1, 2, 6, 70, 85, 100, 185])
def test_a_part_of_an_object(length: int) -> None:
    """It is damaged, and says so."""
    with pytest.raises(Corrupt, match="'x'"):
        decrypt(MasterKeys.load(FILES), encrypt(bytes(100), 1, MASTER)[:length])


def test_plain_text_is_no_encrypted_object() -> None:
    """It is not passed on as if it had been protected."""
    with pytest.raises(Corrupt, match="'x' is not encrypted"):
        decrypt(MasterKeys.load(FILES), bytes(200))


def test_keys_that_are_not_there() -> None:
    """The message says which one, and where to name it."""
    stored = encrypt(b"data", 5, MASTER)

    with pytest.raises(ConfigInvalid, match="master key 5: add it to PreviousMasterKeys"):
        decrypt(MasterKeys.load(FILES), stored)
    with pytest.raises(Corrupt, match="not encrypted with this master key 5"):
        decrypt(MasterKeys({5: bytes(32)}), stored)
