"""A forward proxy on loopback, as a hospital has it on the way to the Internet."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit


class ForwardProxy:
    """Passes on what names a whole URL, and opens tunnels (CONNECT), until exit."""

    def __init__(self, refuse: int = 0) -> None:
        """`refuse`: the status with which it answers everything."""
        self.seen: list[str] = []
        """Method and target of each request, as the client has named it."""
        self.refuse = refuse
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *arguments: _Handler(self, *arguments))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, proxy: ForwardProxy, *arguments: Any) -> None:
        self._proxy = proxy
        super().__init__(*arguments)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._pass
        raise AttributeError(name)

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._proxy.seen.append(f"{self.command} {self.path}")
        self.close_connection = True
        if self._proxy.refuse:
            self._answer(self._proxy.refuse, b"")
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

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Bytes, until the source ends."""
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
