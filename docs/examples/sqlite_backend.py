"""A storage backend that keeps every file in one SQLite database."""

import sqlite3
import threading
from collections.abc import Iterator

from storage_plugins import Allocate, Backend, Buffer, Model, NotFound, ObjectInfo, RangeInvalid, Unavailable
from storage_plugins.config.model import HostPath
from storage_plugins.keys import check_key


class SqliteStore(Backend):
    class Options(Model):
        file: HostPath
        """The database. It is created when it does not exist."""

    def __init__(self, options: Options) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(options.file, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, data BLOB)")

    def _run(self, statement: str, *values: object) -> list[tuple]:
        try:
            with self._lock:
                return self._database.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise Unavailable(f"the database does not work: {error}") from error

    def _get(self, what: str, key: str, *values: object) -> tuple:
        check_key(key)
        found = self._run(f"SELECT {what} FROM objects WHERE key = ?", *values, key)
        if not found:
            raise NotFound(f"there is no object {key!r} in the database")
        return found[0]

    def put(self, key: str, data: Buffer) -> None:
        check_key(key)
        self._run("INSERT OR REPLACE INTO objects VALUES (?, ?)", key, data)

    def read(self, key: str, allocate: Allocate) -> None:
        (data,) = self._get("data", key)
        allocate(len(data))[:] = data

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        if not target:
            return
        size, data = self._get("length(data), substr(data, ?, ?)", key, start + 1, len(target))
        if start + len(target) > size:
            raise RangeInvalid(f"object {key!r} has only {size} bytes")
        target[:] = data

    def delete(self, key: str) -> None:
        check_key(key)
        self._run("DELETE FROM objects WHERE key = ?", key)

    def stat(self, key: str) -> ObjectInfo:
        return ObjectInfo(key, *self._get("length(data)", key))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        rows = self._run("SELECT key, length(data) FROM objects WHERE substr(key, 1, ?) = ?", len(prefix), prefix)
        return (ObjectInfo(key, size) for key, size in rows)

    def close(self) -> None:
        with self._lock:
            self._database.close()
