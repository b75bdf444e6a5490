"""TCP ports of this machine that nobody uses."""

from __future__ import annotations

import random
import socket
from typing import Final

# Below those that the kernel gives to clients, which could take one between the choice and its use.
_RANGE: Final = range(10_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Different ones, by chance: others may choose at the same time."""
    found: list[int] = []
    while len(found) < count:
        port = random.choice(_RANGE)  # noqa: S311
        if port not in found and is_free(port):
            found.append(port)
    return found


def is_free(port: int) -> bool:
    """Whether it can be listened to on all addresses."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True
