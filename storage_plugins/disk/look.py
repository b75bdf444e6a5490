"""What the folders of the layers tell to somebody who does not own them. Nothing is changed there.

A folder that is not there is an empty one: Orthanc has not yet made it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from storage_plugins.disk import spool
from storage_plugins.disk.cache_index import INDEX
from storage_plugins.disk.deletions import DELETIONS, Deletion
from storage_plugins.disk.sealed import SealedFile
from storage_plugins.disk.spool import Entry
from storage_plugins.errors import Corrupt, from_os_error


@dataclass(frozen=True, slots=True)
class Damaged:
    """A file of the spool that cannot be uploaded."""

    path: str
    key: str | None
    """Where the seal still tells it."""


@dataclass(frozen=True, slots=True)
class SpoolContent:
    """What a spool holds."""

    entries: list[Entry] = field(default_factory=list)
    """In the order of arrival."""

    newest: dict[str, Entry] = field(default_factory=dict)
    """By key. Where a key has several entries, the newest is the one that counts."""

    damaged: list[Damaged] = field(default_factory=list)


def spool_content(path: str) -> SpoolContent:
    """The spool at `path`. Orthanc may be working there. Raises AccessDenied, Unavailable."""
    pending, aside = spool.pending_folder(path), spool.damaged_folder(path)
    found = SpoolContent()
    with _errors(f"cannot read the spool {path}"):
        if os.path.isdir(pending):
            for entry in spool.scan(pending):
                if isinstance(entry, Entry):
                    found.entries.append(entry)
                    found.newest[entry.key] = entry
                else:
                    found.damaged.append(Damaged(os.path.join(pending, entry.name), None))
        if os.path.isdir(aside):
            for name in sorted(os.listdir(aside)):
                found.damaged.append(_damaged(os.path.join(aside, name)))
        _check_folder(path)
    return found


def read_pending(path: str, entry: Entry) -> bytes | None:
    """The object of an entry of the spool at `path`; None when it was uploaded or deleted just now. Raises Corrupt."""
    with _errors(f"cannot read object {entry.key!r} from the spool"):
        try:
            with SealedFile(os.path.join(spool.pending_folder(path), entry.name)) as file:
                return bytes(file.bytes())
        except FileNotFoundError:
            return None


def cache_content(path: str) -> tuple[int, int]:
    """Number of files and bytes of the cache at `path`, as its index has them. Raises Corrupt, AccessDenied."""
    rows = _rows(os.path.join(path, INDEX), "select count(*), total(size) from entries")
    return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)


def deletions(path: str) -> list[Deletion]:
    """The deletes recorded in the folder `path`, the next due first. Raises Corrupt, AccessDenied."""
    rows = _rows(os.path.join(path, DELETIONS), "select key, deleted, due from deletions order by due")
    return [Deletion(*row) for row in rows]


def _damaged(path: str) -> Damaged:
    try:
        with SealedFile(path) as file:
            return Damaged(path, file.key)
    except Corrupt:
        return Damaged(path, None)


def _rows(path: str, statement: str) -> list[tuple[Any, ...]]:
    with _errors(f"cannot read {path}"):
        if not os.path.exists(path):
            _check_folder(os.path.dirname(path))
            return []
        os.close(os.open(path, os.O_RDONLY))  # says better than SQLite why it cannot be read
        # Who closes it last leaves no log behind; then a reader would make new files, unless it is told not to.
        how = "mode=ro" if os.path.exists(f"{path}-wal") else "immutable=1"
        address = f"file:{path.replace('%', '%25').replace('?', '%3f').replace('#', '%23')}?{how}"
        try:
            with closing(sqlite3.connect(address, uri=True, timeout=10)) as database:
                return database.execute(statement).fetchall()
        except sqlite3.Error as error:
            msg = f"cannot read {path}: {error}"
            raise Corrupt(msg) from error


def _check_folder(path: str) -> None:
    """A folder that may not be looked into seems to be empty."""
    if os.path.isdir(path):
        os.listdir(path)


@contextmanager
def _errors(subject: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise from_os_error(error, subject) from error
