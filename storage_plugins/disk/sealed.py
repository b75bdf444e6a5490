"""Files of this machine that tell what they hold and whether it is undamaged: an object, and a seal behind it.

    data          the stored bytes of an object, from offset 0
    sums          CRC32C of each block of 64 KiB of the data, 32 bits each
    key           of the object, in UTF-8
    footer        "OSPSEAL1", size of the data (64 bits), length of the key (32), CRC32C of the seal so far (32)

Numbers are little-endian. native_shim/sealed.c reads the same.
"""

from __future__ import annotations

import os
import struct
from types import TracebackType
from typing import Final, NoReturn, Self

from crc32c import crc32c

from storage_plugins.errors import Corrupt, RangeInvalid

BLOCK: Final = 1 << 16
MAGIC: Final = b"OSPSEAL1"

_FOOTER: Final = struct.Struct("<8sQII")
_TAIL: Final = 4096  # holds the seal of an object of up to 50 MiB

Data = memoryview | bytes | bytearray


def seal(key: str, data: Data) -> bytes:
    """What goes behind the data."""
    view = memoryview(data)
    name = key.encode()
    sums = [crc32c(view[at : at + BLOCK]) for at in range(0, len(view), BLOCK)]
    front = b"".join((struct.pack(f"<{len(sums)}I", *sums), name, _FOOTER.pack(MAGIC, len(view), len(name), 0)[:-4]))
    return front + struct.pack("<I", crc32c(front))


def write(path: str, key: str, data: Data, *, sync: bool) -> None:
    """Makes a new file. `sync`: forces its bytes to the disk. Leaves nothing behind when it raises OSError."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        _write_all(descriptor, [memoryview(data), memoryview(seal(key, data))])
        if sync:
            os.fsync(descriptor)
    except BaseException:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)


class SealedFile:
    """An open file. Whatever it gives has been compared with its checksum."""

    def __init__(self, path: str) -> None:
        """Raises OSError; Corrupt when it is not a whole sealed file."""
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            status = os.fstat(self._descriptor)
            self._read_seal(status.st_size)
        except BaseException:
            os.close(self._descriptor)
            raise
        self.modified = status.st_mtime

    def _read_seal(self, length: int) -> None:
        """Sets the key, the size of the data, and the sums."""
        tail = os.pread(self._descriptor, _TAIL, max(0, length - _TAIL))
        if len(tail) < _FOOTER.size:
            self._refuse("too short")
        magic, self.size, name, expected = _FOOTER.unpack_from(tail, len(tail) - _FOOTER.size)
        sums = 4 * -(-self.size // BLOCK)
        front = sums + name + _FOOTER.size
        if magic != MAGIC or self.size + front != length:
            self._refuse("it does not end as it should")
        if front > len(tail):
            tail = os.pread(self._descriptor, front, self.size)
        tail = tail[-front:]
        if crc32c(tail[:-4]) != expected:
            self._refuse("its seal does not fit")
        self._sums = struct.unpack_from(f"<{sums // 4}I", tail)
        self.key = tail[sums : sums + name].decode()

    def read_range(self, start: int, target: memoryview) -> None:
        """Fills `target` with the data from `start`. Raises OSError, Corrupt, RangeInvalid."""
        end = start + len(target)
        if end > self.size:
            msg = f"cannot read bytes {start} to {end} of object {self.key!r}: it has {self.size}"
            raise RangeInvalid(msg)
        at = start
        while at < end:
            block = at // BLOCK
            if at % BLOCK == 0 and (whole := self._whole_blocks(at, end)):
                self._fill(at, target[at - start : at - start + whole])
                for offset in range(at, at + whole, BLOCK):
                    self._compare(offset // BLOCK, target[offset - start : min(offset + BLOCK, end) - start])
                at += whole
                continue
            # Of a block that is wanted in part, all has to be read.
            first = block * BLOCK
            memory = memoryview(bytearray(min(BLOCK, self.size - first)))
            self._fill(first, memory)
            self._compare(block, memory)
            wanted = memory[at - first : end - first]
            target[at - start : at - start + len(wanted)] = wanted
            at += len(wanted)

    def expect(self, key: str) -> None:
        """Raises Corrupt when it holds another object."""
        if self.key != key:
            self._refuse(f"it holds another object than {key!r}")

    def bytes(self) -> memoryview:
        """All data, in memory of its own."""
        memory = memoryview(bytearray(self.size))
        self.read_range(0, memory)
        return memory

    def touch(self) -> None:
        """Sets the time of the last change to now. Raises OSError."""
        os.utime(self._descriptor)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)

    def _whole_blocks(self, at: int, end: int) -> int:
        """How many bytes of whole blocks, the last one of the data included, lie between."""
        return end - at if end == self.size else (end - at) // BLOCK * BLOCK

    def _fill(self, start: int, target: memoryview) -> None:
        while target:
            count = os.preadv(self._descriptor, [target], start)
            if count == 0:
                self._refuse("it has become shorter")
            target = target[count:]
            start += count

    def _compare(self, block: int, data: memoryview) -> None:
        if crc32c(data) != self._sums[block]:
            self._refuse(f"block {block} has another checksum than it was written with")

    def _refuse(self, why: str) -> NoReturn:
        raise Corrupt(f"file {self._path} is damaged: {why}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _write_all(descriptor: int, parts: list[memoryview]) -> None:
    while parts:
        count = os.writev(descriptor, parts)
        while parts and count >= len(parts[0]):
            count -= len(parts.pop(0))
        if parts:
            parts[0] = parts[0][count:]
