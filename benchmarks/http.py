"""A HTTP client that costs little: it shares the processor with the Orthanc that it measures.

http.client needs twice the CPU time, and holds the interpreter lock for most of it, so
that eight of its connections were slower than Orthanc.
"""

from __future__ import annotations

import re
import socket
from typing import NamedTuple

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_END = b"\r\n\r\n"


class Request(NamedTuple):
    """A request that Orthanc must answer with 200.

    `again`: whether to ask a second time when it answers 500. Orthanc's built-in storage does when two threads need
    the same new folder.
    """

    method: str
    path: str
    body: bytes = b""
    again: bool = False


class Connection:
    """One connection that stays open."""

    def __init__(self, port: int, memory: int = 1 << 20) -> None:
        """`memory`: bytes of the largest answer. It grows when that was not enough, which takes time."""
        self._port = port
        self._memory = bytearray(memory)
        self._socket = self._connect()

    def send(self, request: Request) -> memoryview:
        """The body of the answer, valid until the next call. Raises RuntimeError unless the status is 200."""
        try:
            status, body = self._ask(request)
        except ConnectionError:
            # Orthanc closes a connection that was idle for half a second: on a busy machine a client may be that late.
            self._socket.close()
            self._socket = self._connect()
            status, body = self._ask(request)
        if status == 500 and request.again:
            status, body = self._ask(request)
        if status != 200:
            msg = f"{request.method} {request.path}: HTTP {status}: {bytes(body[:300])!r}"
            raise RuntimeError(msg)
        return body

    def close(self) -> None:
        """Closes the connection."""
        self._socket.close()

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port), timeout=120)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _ask(self, request: Request) -> tuple[int, memoryview]:
        head = f"{request.method} {request.path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(request.body)}"
        buffers = [head.encode() + _END, request.body]
        sent = self._socket.sendmsg(buffers)
        if sent < len(buffers[0]) + len(request.body):
            self._socket.sendall(memoryview(request.body)[sent - len(buffers[0]) :])
        return self._receive()

    def _receive(self) -> tuple[int, memoryview]:
        size, start, end = 0, -1, len(self._memory)
        while size < end:
            count = self._socket.recv_into(memoryview(self._memory)[size:])
            if count == 0:
                msg = "Orthanc closed the connection"
                raise ConnectionError(msg)
            size += count
            if start < 0 and (found := self._memory.find(_END, 0, size)) >= 0:
                start = found + len(_END)
                length = _LENGTH.search(self._memory, 0, start)
                if length is None:
                    msg = f"an answer without Content-Length: {bytes(self._memory[:start])!r}"
                    raise RuntimeError(msg)
                end = start + int(length[1])
                self._memory.extend(bytes(max(0, end - len(self._memory))))
        return int(self._memory[9:12]), memoryview(self._memory)[start:end]
