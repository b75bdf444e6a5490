"""The encryption of the official object-storage plugins 2.5, format "A1", for reading.

    offset  length
         0       2  "A1"
         2       4  number of the master key, little-endian
         6      32  EIV: the initialisation vector, AES-256-CTR under the master key, counter from zero
        38      32  EDEK: the data key, the same way
        70       n  the bytes, AES-256-GCM under the data key, with the vector as nonce and the first 70 bytes as header
    70 + n      16  tag of GCM

One keystream hides all data keys, so that one of them, once known, gives away every other: nothing is written this way.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from storage_plugins.errors import ConfigInvalid, Corrupt

MARK: Final = b"A1"
OVERHEAD: Final = 86
"""How many bytes an encrypted object is longer than what is in it."""

_HEADER: Final = 70
_TAG: Final = 16
_KEY_LENGTH: Final = 32
_LAST: Final = 15  # bytes that `update_into` wants to have room for behind its result


class MasterKeys:
    """The master keys by number. Tells nothing of them."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        """`keys`: 32 bytes each."""
        self._keys = dict(keys)

    @classmethod
    def load(cls, files: Mapping[int, str]) -> MasterKeys:
        """From files with 32 bytes in base64, by number. Raises ConfigInvalid with the name of the file."""
        return cls({number: _load(file) for number, file in files.items()})

    def decrypt(self, name: str, stored: memoryview, target: memoryview) -> None:
        """Writes into `target`, which is OVERHEAD shorter than `stored`. `name`: of the object, for messages.

        Raises Corrupt when the bytes are not those that were encrypted, and then `target` holds nothing of use;
        ConfigInvalid when the master key is not among those of the configuration.
        """
        if len(stored) < OVERHEAD or bytes(stored[: len(MARK)]) != MARK:
            msg = f"object {name!r} is not encrypted in the format A1, although StorageEncryption is enabled"
            raise Corrupt(msg)
        number = int.from_bytes(stored[2:6], "little")
        if number not in self._keys:
            msg = f"object {name!r} is encrypted with master key {number}: add it to PreviousMasterKeys"
            raise ConfigInvalid(msg)
        vector, key = (self._unwrap(number, stored[start : start + _KEY_LENGTH]) for start in (6, 38))
        cipher = Cipher(algorithms.AES(key), modes.GCM(vector, bytes(stored[-_TAG:]))).decryptor()
        cipher.authenticate_additional_data(stored[:_HEADER])
        body = stored[_HEADER:-_TAG]
        most = max(0, len(body) - _LAST)
        try:
            cipher.update_into(body[:most], target)
            target[most:] = cipher.update(body[most:])
            cipher.finalize()
        except InvalidTag:
            msg = f"object {name!r} is damaged, or it was not encrypted with this master key {number}"
            raise Corrupt(msg) from None

    def _unwrap(self, number: int, wrapped: memoryview) -> bytes:
        cipher = Cipher(algorithms.AES(self._keys[number]), modes.CTR(bytes(16))).decryptor()
        return cipher.update(wrapped) + cipher.finalize()


def _load(file: str) -> bytes:
    try:
        key = base64.b64decode(Path(file).read_bytes().strip(), validate=True)
    except OSError as error:
        msg = f"cannot read the master key {file}: {error.strerror}"
        raise ConfigInvalid(msg) from None
    except binascii.Error:
        key = b""
    if len(key) != _KEY_LENGTH:
        msg = f"the master key {file} must be {_KEY_LENGTH} bytes in base64, as by: openssl rand -base64 {_KEY_LENGTH}"
        raise ConfigInvalid(msg)
    return key
