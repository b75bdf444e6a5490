"""What the HTTP servers of our own on loopback have in common."""

from __future__ import annotations

import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

L = TypeVar("L", bound="Listener")


class Listener:
    """Serves each connection in a thread of its own, from entry to exit."""

    def __init__(
        self, handler: type[Handler[Any]], tls: ssl.SSLContext | None = None, *, receive_buffer: int = 0
    ) -> None:
        """`handler`: what answers; it reaches this object as its `owner`. `tls`: clients come with TLS.

        `receive_buffer`: bytes that a client may send before they are read.
        """
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *arguments: handler(self, *arguments))
        self._server.daemon_threads = True
        if receive_buffer:
            self._server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if tls is not None:  # each connection shakes hands in its own thread
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.scheme = "http" if tls is None else "https"
        self.port: int = self._server.server_address[1]
        self.host = f"127.0.0.1:{self.port}"
        self.endpoint = f"{self.scheme}://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        """Answers from now on."""
        self._thread.start()

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Handler(BaseHTTPRequestHandler, Generic[L]):
    """Every method is answered by `serve`."""

    protocol_version = "HTTP/1.1"

    def __init__(self, owner: L, *arguments: Any) -> None:
        self.owner = owner
        super().__init__(*arguments)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def serve(self) -> None:
        """Answers one request."""
        raise NotImplementedError

    def log_message(self, *_: Any) -> None:
        """Nothing."""
