"""A HTTP proxy in front of a server: it writes down what passes, and spoils answers on demand."""

from __future__ import annotations

import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPConnection

from tests.servers.listener import Handler, Listener


@dataclass(slots=True)
class Seen:
    """One request."""

    method: str
    path: str
    headers: Message
    body: bytes = field(repr=False)


@dataclass(slots=True)
class Reply:
    """An answer on its way to the client. A fault changes it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    cut: int | None = None
    """After how many bytes of the body the connection is closed."""

    drop: bool = False
    """Whether the connection is closed without an answer."""

    stall: float = 0
    """Seconds of silence before the connection is closed."""


_BLOCK = 1 << 16
Fault = Callable[[Seen, Reply], None]


class Proxy(Listener):
    """Between a client and the server at `upstream` ("host:port"), until exit."""

    def __init__(self, upstream: str, tls: ssl.SSLContext | None = None, pace: float = 0) -> None:
        """`tls`: clients come with TLS. `pace`: seconds for each MiB of a request's body, as on a slow line."""
        super().__init__(_Handler, tls, receive_buffer=_BLOCK if pace else 0)
        self.pace = pace
        self.seen: list[Seen] = []
        self.faults: deque[Fault | None] = deque()
        """What is done to the next answers, one each. Afterwards answers pass as they are."""
        self.tampers: deque[Callable[[Seen], None] | None] = deque()
        """What is done to the next requests before the server gets them, in the same way."""
        self._upstream = upstream

    def ask(self, seen: Seen) -> Reply:
        """The server's answer, spoilt if it is its turn."""
        self.seen.append(seen)
        fault = self.faults.popleft() if self.faults else None
        if self.tampers and (tamper := self.tampers.popleft()) is not None:
            tamper(seen)
        connection = HTTPConnection(self._upstream, timeout=30)
        try:
            connection.putrequest(seen.method, seen.path, skip_host=True, skip_accept_encoding=True)
            for name, value in seen.headers.items():
                if name.lower() not in ("connection", "expect"):
                    connection.putheader(name, value)
            connection.putheader("X-Forwarded-Proto", self.scheme)
            connection.endheaders(seen.body)
            answer = connection.getresponse()
            reply = Reply(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()
        if fault is not None:
            fault(seen, reply)
        return reply

    def requests(self) -> list[str]:
        """The methods of what has passed since the last call, in order."""
        methods = [one.method for one in self.seen]
        self.seen.clear()
        return methods


class _Handler(Handler[Proxy]):
    def serve(self) -> None:
        """See Handler."""
        body = self._body(int(self.headers.get("Content-Length") or 0))
        reply = self.owner.ask(Seen(self.command, self.path, self.headers, body))
        if reply.drop:
            self._hang_up(reply.stall)
            return
        self.send_response_only(reply.status)
        for name, value in reply.headers:
            if name.lower() not in ("transfer-encoding", "connection") and (
                name.lower() != "content-length" or self.command == "HEAD"
            ):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            with suppress(ConnectionError):  # the client has lost its interest
                self.wfile.write(reply.body[: reply.cut])
        if reply.cut is not None:
            self._hang_up(reply.stall)

    def _body(self, length: int) -> bytes:
        if not self.owner.pace:
            return self.rfile.read(length)
        blocks = []
        for at in range(0, length, _BLOCK):
            blocks.append(self.rfile.read(min(_BLOCK, length - at)))
            time.sleep(self.owner.pace * len(blocks[-1]) / (1 << 20))
        return b"".join(blocks)

    def _hang_up(self, after: float) -> None:
        self.wfile.flush()
        time.sleep(after)
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def handle(self) -> None:
        """A client may go away at any time."""
        with suppress(ConnectionError, ssl.SSLError):
            super().handle()
