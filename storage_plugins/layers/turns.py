"""Whose turn it is among the entries of a spool, and how long everybody waits when the storage does not answer."""

from __future__ import annotations

import heapq
import random
import time
from collections import deque
from typing import Final

from storage_plugins.disk.spool import Entry
from storage_plugins.errors import StoreError

_FIRST_WAIT: Final = 0.25

_GIVES_WAY: Final = 5.0
"""Seconds that an object waits at most for a moment in which nobody writes, before its upload begins anyway."""

_QUIET: Final = 0.01
"""Seconds without a writer that are such a moment: the clients of a burst are never all idle for so long."""


class Turns:
    """Entries in the order of arrival. Times in seconds of `time.monotonic`. Used by one thread at a time."""

    def __init__(self, longest_wait: float) -> None:
        """`longest_wait`: seconds between two attempts at most."""
        self._longest_wait = longest_wait
        self._ready: deque[Entry] = deque()
        self._refused: list[tuple[float, int, Entry]] = []  # a heap: each waits for itself
        self._resume_at = 0.0
        self._waits = 0
        self._writers = 0
        self._written_at = 0.0
        self._hurried = False

    @property
    def refused(self) -> int:
        """How many wait because the storage refuses them, and not because it does not answer."""
        return len(self._refused)

    def append(self, entry: Entry) -> None:
        """A new one."""
        self._ready.append(entry)

    def writer_came(self) -> None:
        """Somebody stores: whose turn it is waits for a moment without."""
        self._writers += 1

    def writer_left(self) -> None:
        """See `writer_came`."""
        self._writers -= 1
        self._written_at = time.monotonic()

    def hurry(self) -> None:
        """From now on nobody waits for writers."""
        self._hurried = True

    def next(self, now: float) -> Entry | None:
        """The next one, None when there is none or its time has not come: see `wait`."""
        while self._refused and self._refused[0][0] <= now:
            self._ready.append(heapq.heappop(self._refused)[2])
        while self._ready and self._ready[0].settled:
            self._ready.popleft()
        return self._ready.popleft() if self._ready and self._begins_at(now) <= now else None

    def wait(self, now: float) -> float | None:
        """Seconds until `next` may give one; None: when one is appended."""
        if self._ready:
            return max(0.0, self._begins_at(now) - now)
        return self._refused[0][0] - now if self._refused else None

    def _begins_at(self, now: float) -> float:
        """When the first of those that are ready may begin."""
        if self._hurried:
            return self._resume_at
        patient_until = now + _GIVES_WAY - (time.time() - self._ready[0].since)
        quiet_at = patient_until if self._writers else self._written_at + _QUIET
        return max(self._resume_at, min(patient_until, quiet_at))

    def at_once(self, entry: Entry) -> None:
        """One that has more to be done."""
        self._ready.appendleft(entry)

    def again(self, entry: Entry, error: StoreError, now: float) -> None:
        """One that failed: all wait when the storage does not answer, it alone when the storage refuses it."""
        if not error.retryable:
            heapq.heappush(self._refused, (now + self._longest_wait, entry.number, entry))
            return
        # The first time it stays the first. Then others have their turn: it may be the only one that fails.
        (self._ready.append if entry.failed else self._ready.appendleft)(entry)
        entry.failed = True
        if now >= self._resume_at:
            self._waits += 1
            wait = min(self._longest_wait, _FIRST_WAIT * 2.0 ** min(self._waits, 20)) * random.uniform(0.8, 1.2)  # noqa: S311
            self._resume_at = now + max(error.retry_after or 0.0, wait)

    def answered(self) -> bool:
        """The storage answers. True when it did not before."""
        silent = self._waits > 0
        self._resume_at = 0.0
        self._waits = 0
        return silent
