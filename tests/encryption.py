"""The official plugins' format A1, written a second time from its description: the tests' own way to make objects."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def encrypt(data: bytes, number: int, master: bytes) -> bytes:
    """As the official plugins do: `A1`, number, hidden vector, hidden key, bytes, tag."""
    vector, key = os.urandom(32), os.urandom(32)
    header = b"A1" + number.to_bytes(4, "little") + _hide(vector, master) + _hide(key, master)
    cipher = Cipher(algorithms.AES256(key), modes.GCM(vector)).encryptor()
    cipher.authenticate_additional_data(header)
    body = cipher.update(data) + cipher.finalize()
    return header + body + cipher.tag


def _hide(secret: bytes, master: bytes) -> bytes:
    return Cipher(algorithms.AES256(master), modes.CTR(bytes(16))).encryptor().update(secret)
