"""Stand-ins for whoever gives credentials: the metadata services of machines and containers, and token services."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.servers.forward_proxy import ForwardProxy
from tests.servers.listener import Handler, Listener
from tests.servers.proxy import Proxy, Reply, Seen


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `given`: the arguments in its address and its form."""

    method: str
    path: str
    headers: Message
    given: dict[str, str]


Answer = tuple[int, str | dict[str, Any]]
"""Status and body."""

Route = Callable[[Asked], Answer]


class Metadata(Listener):
    """A HTTP server on loopback, until exit. What it is asked is written down."""

    def __init__(self, routes: dict[str, Route], tls: ssl.SSLContext | None = None) -> None:
        """`routes`: answers by the end of the path; "" for all others."""
        super().__init__(_Handler, tls)
        self.routes = routes
        self.asked: list[Asked] = []
        self.broken: Answer | None = None
        """What everybody gets instead."""
        self.delay = 0.0
        """Seconds before each answer."""

    def answer(self, asked: Asked) -> Answer:
        """To one request."""
        self.asked.append(asked)
        time.sleep(self.delay)
        if self.broken is not None:
            return self.broken
        found = next((end for end in self.routes if end and asked.path.endswith(end)), "")
        return self.routes[found](asked) if found in self.routes else (404, "there is no such thing")


class _Handler(Handler[Metadata]):
    def serve(self) -> None:
        """See Handler."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        url = urlsplit(self.path)
        given = {name: values[0] for name, values in (parse_qs(url.query) | parse_qs(body)).items()}
        status, told = self.owner.answer(Asked(self.command, url.path, self.headers, given))
        data = (told if isinstance(told, str) else json.dumps(told)).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "text/plain" if isinstance(told, str) else "application/json")
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def offline(variables: pytest.MonkeyPatch) -> Iterator[None]:
    """Who wants to leave this machine meets a proxy that refuses, and the test fails."""
    with ForwardProxy(refuse=403) as nowhere:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            variables.setenv(name, nowhere.endpoint)
        for name in ("NO_PROXY", "no_proxy"):
            variables.setenv(name, "127.0.0.1")
        yield
        assert [] == nowhere.seen


class Issuer:
    """Gives out a new name for each set of credentials, and knows until when it holds."""

    def __init__(self, lifetime: float = 3600) -> None:
        self.lifetime = lifetime
        self.issued: dict[str, float] = {}
        """End of each, as `time.time` tells it."""

    def issue(self, name: str = "") -> tuple[str, datetime]:
        """A name, and its end."""
        name = name or f"issued{len(self.issued)}"
        self.issued[name] = time.time() + self.lifetime
        return name, datetime.fromtimestamp(self.issued[name], UTC)


class Gate(Proxy):
    """A proxy in front of a storage that lets through what carries credentials of `issuer` that still hold."""

    def __init__(self, upstream: str, issuer: Issuer, tls: ssl.SSLContext | None = None, sas: str = "") -> None:
        """`sas`: put in place of a token, for a storage that does not understand tokens."""
        super().__init__(upstream, tls)
        self._issuer = issuer
        self._sas = sas
        self.used: list[str] = []
        """The credentials of each request."""

    def ask(self, seen: Seen) -> Reply:
        """See Proxy."""
        sent = seen.headers.get("Authorization", "")
        name = sent.partition("Credential=")[2].partition("/")[0] or sent.removeprefix("Bearer ")
        self.used.append(name)
        if time.time() >= self._issuer.issued.get(name, 0):
            self.seen.append(seen)
            status = 401 if sent.startswith("Bearer ") else 403
            return Reply(status, [], b"<Error><Code>NotIssued</Code><Message>nobody gave you these</Message></Error>")
        if self._sas:
            del seen.headers["Authorization"]
            seen.path += ("&" if "?" in seen.path else "?") + self._sas
        return super().ask(seen)
