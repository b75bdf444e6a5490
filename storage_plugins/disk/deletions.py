"""Deletes that are confirmed and still to be made: an SQLite database on a disk of this machine.

Other processes can look at it, and take a delete back, while Orthanc runs.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from storage_plugins.errors import NotFound

DELETIONS: Final = "deletions.db"
"""Name of the database in its folder."""

_SCHEMA = """
create table if not exists deletions (key text primary key, deleted real not null, due real not null) without rowid;
create index if not exists by_due on deletions (due);
"""


@dataclass(frozen=True, slots=True)
class Deletion:
    """An object that Orthanc has deleted and the storage still has. Times in seconds of the clock on the wall."""

    key: str
    deleted: float
    due: float
    """When it is deleted in the storage."""


class DeletionJournal:
    """What is recorded is on the disk when a method returns. Every method may raise sqlite3.Error."""

    def __init__(self, folder: str) -> None:
        """Opens the journal in a folder, and makes one when there is none."""
        path = os.path.join(folder, DELETIONS)
        self._lock = threading.Lock()
        self._writer = _connect(path)
        self._writer.execute("pragma journal_mode = wal")
        self._writer.execute("pragma synchronous = full")
        self._writer.executescript(_SCHEMA)
        for (told,) in self._writer.execute("pragma quick_check"):
            if told != "ok":
                raise sqlite3.DatabaseError(told.replace("\n", "; "))
        # Readers of their own do not wait for the disk.
        self._reader_lock = threading.Lock()
        self._reader = _connect(path)

    def record(self, key: str, keep_for: float) -> None:
        """A new delete, to be made in `keep_for` seconds."""
        now = time.time()
        with self._lock:
            self._writer.execute("insert or ignore into deletions values (?, ?, ?)", (key, now, now + keep_for))

    def __contains__(self, key: str) -> bool:
        with self._reader_lock:
            return self._reader.execute("select 1 from deletions where key = ?", (key,)).fetchone() is not None

    def due(self, most: int) -> list[str]:
        """Keys whose time has come, the oldest first."""
        with self._reader_lock:
            rows = self._reader.execute(
                "select key from deletions where due <= ? order by due limit ?", (time.time(), most)
            )
            return [key for (key,) in rows]

    def next_due(self) -> float | None:
        """When the next one is due."""
        with self._reader_lock:
            found: float | None = self._reader.execute("select min(due) from deletions").fetchone()[0]
            return found

    def forget(self, keys: Iterable[str]) -> None:
        """These were made, or are not to be made any more."""
        self._change("delete from deletions where key = ?", ((key,) for key in keys))

    def postpone(self, keys: Iterable[str], seconds: float) -> None:
        """These are tried again later."""
        due = time.time() + seconds
        self._change("update deletions set due = ? where key = ?", ((due, key) for key in keys))

    def take_back(self, key: str) -> None:
        """The object stays. Raises NotFound when its delete is not there, or is being made."""
        with self._lock:
            made = self._writer.execute("delete from deletions where key = ? and due > ?", (key, time.time()))
            if made.rowcount == 0:
                msg = f"there is no delete of object {key!r} that could be taken back"
                raise NotFound(msg)

    def summary(self) -> tuple[int, float | None]:
        """How many there are, and when the oldest was recorded."""
        with self._reader_lock:
            count, oldest = self._reader.execute("select count(*), min(deleted) from deletions").fetchone()
            return int(count), oldest

    def all(self) -> Iterator[Deletion]:
        """Every one, the next due first."""
        with self._reader_lock, closing(self._reader.execute("select * from deletions order by due")) as rows:
            for row in rows:
                yield Deletion(*row)

    def close(self) -> None:
        """Closes the database."""
        with self._lock, self._reader_lock:
            self._writer.close()
            self._reader.close()

    def _change(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        with self._lock:
            self._writer.execute("begin immediate")
            try:
                self._writer.executemany(statement, rows)
            except BaseException:
                self._writer.execute("rollback")
                raise
            self._writer.execute("commit")


def _connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
