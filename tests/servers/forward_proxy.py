"""A forward proxy on loopback, as a hospital has it on the way to the Internet."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from http.client import HTTPConnection
from urllib.parse import urlsplit

from tests.servers.listener import Handler, Listener


class ForwardProxy(Listener):
    """Passes on what names a whole URL, and opens tunnels (CONNECT), until exit."""

    def __init__(self, refuse: int = 0) -> None:
        """`refuse`: the status with which it answers everything."""
        super().__init__(_Handler)
        self.seen: list[str] = []
        """Method and target of each request, as the client has named it."""
        self.refuse = refuse


class _Handler(Handler[ForwardProxy]):
    def serve(self) -> None:
        """See Handler."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.owner.seen.append(f"{self.command} {self.path}")
        self.close_connection = True
        if self.owner.refuse:
            self._answer(self.owner.refuse, b"")
        elif self.command == "CONNECT":
            self._tunnel()
        else:
            self._forward(body)

    def _forward(self, body: bytes) -> None:
        url = urlsplit(self.path)
        connection = HTTPConnection(url.netloc, timeout=30)
        connection.putrequest(self.command, url._replace(scheme="", netloc="").geturl(), skip_host=True)
        for name, value in self.headers.items():
            if name.lower() not in ("proxy-connection", "connection", "proxy-authorization", "accept-encoding"):
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        headers = [pair for pair in answer.getheaders() if pair[0].lower() not in ("connection", "transfer-encoding")]
        self._answer(answer.status, answer.read(), headers)
        connection.close()

    def _answer(self, status: int, body: bytes, headers: list[tuple[str, str]] | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers or []:
            if name.lower() != "content-length" or self.command == "HEAD":
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _tunnel(self) -> None:
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port)), 10) as server:
            self.send_response_only(200)
            self.end_headers()
            back = threading.Thread(target=_pump, args=(server, self.connection), daemon=True)
            back.start()
            _pump(self.connection, server)
            back.join(10)


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Bytes, until the source ends."""
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
