"""A network between a client and a server on loopback: distance, bandwidth, bad weather."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from storage_plugins.testing.ports import free_ports
from tests.servers.process import Server

_RELAY = Path(__file__).with_name("wan_relay.py")


class Wan(Server):
    """In front of the server at the port `upstream`. A process of its own, so that it shares no lock with anybody."""

    def __init__(self, folder: Path, upstream: int, **conditions: Any) -> None:
        """`conditions`: see wan_relay.Conditions."""
        super().__init__(folder)
        self._upstream = upstream
        self._conditions = conditions
        self.port, self._control = free_ports(2)

    @property
    def endpoint(self) -> str:
        """URL to give to clients."""
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """See Server."""
        ports = {"listen": self.port, "upstream": self._upstream, "control": self._control}
        return [sys.executable, str(_RELAY), *(f"--{name}=127.0.0.1:{port}" for name, port in ports.items())]

    def ready(self) -> bool:
        """See Server."""
        self.change(**self._conditions)
        return True

    def change(self, **conditions: Any) -> None:
        """Puts new conditions in the place of those that are named."""
        self._ask(json.dumps(conditions).encode())

    def state(self) -> dict[str, Any]:
        """The conditions and the counters."""
        return self._ask(None)

    def _ask(self, body: bytes | None) -> dict[str, Any]:
        with urlopen(Request(f"http://127.0.0.1:{self._control}/", body), timeout=5) as answer:
            return dict(json.loads(answer.read()))
