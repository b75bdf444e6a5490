"""What the cache holds: names and sizes of its files, by the time they were last used. An SQLite database.

It is only needed to know what goes first. Where it is lost, damaged or behind, it is written anew from the files.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from typing import Final

_log = logging.getLogger(__name__)

INDEX: Final = "index.db"
"""Name of the database in the folder of the cache."""

_SCHEMA = """
create table if not exists entries (name text primary key, size integer not null, used real not null) without rowid;
create index if not exists by_use on entries (used);
create table if not exists state (complete integer not null);
"""


class CacheIndex:
    """Used by one thread. Every method may raise sqlite3.Error."""

    def __init__(self, path: str) -> None:
        """Opens the index, or makes a new one when there is none or it is damaged."""
        self._path = path
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            _log.warning("The index of the cache, %s, cannot be used: %s. It is written anew", path, error)
            self.remake()

    def _open(self) -> None:
        self._database = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("pragma synchronous = normal")
        self._database.executescript(_SCHEMA)
        # Finds most damage, and costs nothing beside what opening costs anyway.
        self.total, self.entries = self._database.execute("select total(size), count(*) from entries").fetchone()
        self.total = int(self.total)
        self.complete = self._database.execute("select complete from state").fetchone() == (1,)
        """Whether every file was in it when it was closed."""

    def remake(self) -> None:
        """Starts with an empty one."""
        with suppress(sqlite3.Error, AttributeError):
            self._database.close()
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.unlink(self._path + suffix)
        self._open()

    def set_complete(self, complete: bool) -> None:
        """For who opens it next, see `complete`."""
        self._database.execute("begin")
        self._database.execute("delete from state")
        self._database.execute("insert into state values (?)", (int(complete),))
        self._database.execute("commit")

    def change(self, changes: Iterable[tuple[str, int | None, float]]) -> None:
        """Files that are new or gone: name, size or None when it is gone, and the time of use."""
        database = self._database
        database.execute("begin")
        try:
            for name, size, used in changes:
                row = database.execute("select size from entries where name = ?", (name,)).fetchone()
                if row is not None:
                    self.total -= row[0]
                    self.entries -= 1
                if size is not None:
                    database.execute("insert or replace into entries values (?, ?, ?)", (name, size, used))
                    self.total += size
                    self.entries += 1
                elif row is not None:
                    database.execute("delete from entries where name = ?", (name,))
        finally:
            database.execute("commit")

    def oldest(self, count: int) -> list[tuple[str, int, float]]:
        """Names, sizes and times of use of those that are to go first."""
        with closing(
            self._database.execute("select name, size, used from entries order by used limit ?", (count,))
        ) as rows:
            return rows.fetchall()

    def unknown(self, names: Iterable[str]) -> Iterator[str]:
        """Those of the names that are not in it."""
        for name in names:
            if self._database.execute("select 1 from entries where name = ?", (name,)).fetchone() is None:
                yield name

    def close(self) -> None:
        """Closes the database."""
        self._database.close()
