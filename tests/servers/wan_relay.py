"""A TCP relay that makes loopback behave like a network, or like a bad one. `wan.py` starts it; standard library only.

A POST of a JSON object to the control address changes the conditions while it runs. A GET shows them and the counters.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import struct
import time
from asyncio import StreamReader, StreamWriter
from dataclasses import asdict, dataclass, fields
from typing import TypeAlias

_PIECE = 64 << 10
_IN_FLIGHT = 128  # pieces of one direction of a connection

Queue: TypeAlias = "asyncio.Queue[tuple[float, bytes] | None]"
"""Pieces and when they are due. None: the end."""


@dataclass
class Conditions:
    """The network's weather. Probabilities are from 0 to 1."""

    rtt: float = 0.0
    """Milliseconds of a round trip, half in each direction. A new connection waits one more, as a handshake would."""

    mbps: float = 0.0
    """Megabits per second for each connection and direction. 0: no limit."""

    refuse: bool = False
    """New connections are reset."""

    reset: float = 0.0
    """How probable it is that the connection is reset instead of an answer."""

    half: float = 0.0
    """How probable it is that it is reset in the middle of an answer, within its first 64 KiB."""

    lost: float = 0.0
    """How probable it is that an answer never arrives, while the connection stays open."""

    stall: bool = False
    """Nothing passes, and connections stay open."""


@dataclass
class Counters:
    """What has happened so far."""

    connections: int = 0
    open: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    answers_reset: int = 0
    answers_halved: int = 0
    answers_lost: int = 0


class Relay:
    """Passes on what comes to it, under the conditions of the moment."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self.conditions = Conditions()
        self.counters = Counters()
        self._upstream = upstream
        self._passing = asyncio.Event()
        self._passing.set()

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection."""
        self.counters.connections += 1
        if self.conditions.refuse:
            _reset(writer)
            return
        self.counters.open += 1
        both = [writer]
        try:
            await asyncio.sleep(self.conditions.rtt / 1000)
            answers, server = await asyncio.open_connection(*self._upstream, limit=4 * _PIECE)
            both.append(server)
            for one in both:
                one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            asked = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                self._pump(group, reader, _Upwards(self, server, asked))
                self._pump(group, answers, _Downwards(self, writer, asked))
        except* (OSError, _Cut):
            for one in both:
                _reset(one)
        finally:
            self.counters.open -= 1
            for one in both:
                one.close()

    async def control(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One request to look at the conditions, or to change them."""
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"POST"):
            (length,) = (
                line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-len")
            )
            self.change(json.loads(await reader.readexactly(int(length))))
        body = json.dumps(asdict(self.conditions) | asdict(self.counters)).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    def change(self, conditions: dict[str, float | bool]) -> None:
        """Puts new conditions in the place of those that are named."""
        known = {field.name for field in fields(Conditions)}
        for name, value in conditions.items():
            if name not in known:
                raise ValueError(name)
            setattr(self.conditions, name, value)
        if self.conditions.stall:
            self._passing.clear()
        else:
            self._passing.set()

    def _pump(self, group: asyncio.TaskGroup, reader: StreamReader, direction: _Direction) -> None:
        """Passes on one direction until it ends. An error ends both."""
        queue: Queue = asyncio.Queue(_IN_FLIGHT)
        group.create_task(self._read(reader, queue))
        group.create_task(self._deliver(queue, direction))

    async def _read(self, reader: StreamReader, queue: Queue) -> None:
        """Reads at once, whatever the delay: bytes are on their way while others arrive."""
        while data := await reader.read(_PIECE):
            await queue.put((time.monotonic() + self.conditions.rtt / 2000, data))
        await queue.put(None)

    async def _deliver(self, queue: Queue, direction: _Direction) -> None:
        """Delivers each piece when its time has come."""
        free_at = 0.0
        while (item := await queue.get()) is not None:
            at, data = item
            if self.conditions.mbps:
                free_at = at = max(free_at, at) + len(data) * 8e-6 / self.conditions.mbps
            if (wait := at - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            await self._passing.wait()
            await direction.give(data)
        direction.end()


class _Cut(Exception):
    """The connection is to be reset."""


class _Direction:
    """Where the pieces of one direction go."""

    def __init__(self, relay: Relay, writer: StreamWriter, asked: asyncio.Event) -> None:
        """`asked`: there was something of a question since the last piece of an answer."""
        self.relay = relay
        self.writer = writer
        self.asked = asked

    async def give(self, data: bytes) -> None:
        """One piece."""
        self.writer.write(data)
        await self.writer.drain()

    def end(self) -> None:
        """There are no more."""
        if self.writer.can_write_eof():
            self.writer.write_eof()


class _Upwards(_Direction):
    async def give(self, data: bytes) -> None:
        self.asked.set()
        self.relay.counters.bytes_up += len(data)
        await super().give(data)


class _Downwards(_Direction):
    """Decides about each answer when its first piece comes. What was asked has happened in any case."""

    _lost = False

    async def give(self, data: bytes) -> None:
        if self.asked.is_set():
            self.asked.clear()
            await self._decide(data)
        if not self._lost:
            self.relay.counters.bytes_down += len(data)
            await super().give(data)

    async def _decide(self, data: bytes) -> None:
        conditions, counters = self.relay.conditions, self.relay.counters
        chance = random.random()
        if chance < conditions.reset:
            counters.answers_reset += 1
        elif (chance := chance - conditions.reset) < conditions.half:
            counters.answers_halved += 1
            await super().give(data[: random.randrange(1, len(data))])
        else:
            if chance - conditions.half < conditions.lost:
                counters.answers_lost += 1
                self._lost = True
            return
        raise _Cut


def _reset(writer: StreamWriter) -> None:
    """Ends a connection with RST instead of FIN, unless it has already ended."""
    if not writer.transport.is_closing():
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


async def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("listen", "upstream", "control"):
        parser.add_argument(f"--{name}", type=_address, required=True)
    given = parser.parse_args()
    relay = Relay(given.upstream)
    servers = [
        await asyncio.start_server(relay.serve, *given.listen, limit=4 * _PIECE),
        await asyncio.start_server(relay.control, *given.control),
    ]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main())
