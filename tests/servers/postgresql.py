"""PostgreSQL, Debian's, with a cluster of its own: the index that several Orthancs share."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

from tests.servers.process import Server

_PROGRAMS = Path("/usr/lib/postgresql")
_USER = "postgres"  # of Debian's package; PostgreSQL refuses to run as root
_OWNER = "orthanc"
_PORT = 5432  # only the name of the socket: nothing listens on TCP


class Database:
    """One database, for a client that knows its URI."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def ask(self, statement: str) -> list[str]:
        """The rows of a query, each as text."""
        asked = [_program("psql"), "-X", "-A", "-q", "-t", "-d", self.uri, "-c", statement]
        told = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=30)
        return told.stdout.splitlines()


class PostgreSql(Server):
    """One cluster, on a Unix socket in a folder that nobody else may enter."""

    def __init__(self) -> None:
        # Not below the folder of the tests, which is root's own when root runs them.
        super().__init__(Path(tempfile.mkdtemp(prefix="postgresql-")))
        if os.geteuid() == 0:
            user = pwd.getpwnam(_USER)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._data = self.folder / "data"

    def database(self, name: str) -> Database:
        """A new one, empty."""
        Database(self._uri("postgres")).ask(f"CREATE DATABASE {name}")
        return Database(self._uri(name))

    def _uri(self, database: str) -> str:
        return f"postgresql:///{database}?host={self.folder}&port={_PORT}&user={_OWNER}"

    def command(self) -> list[str]:
        """See Server."""
        return [
            *_as_nobody_special(), _program("postgres"), "-D", str(self._data), "-p", str(_PORT),
            "-c", "listen_addresses=", "-c", f"unix_socket_directories={self.folder}",
        ]  # fmt: skip

    def ready(self) -> bool:
        """See Server."""
        asked = [_program("pg_isready"), "-q", "-h", str(self.folder), "-p", str(_PORT)]
        return subprocess.run(asked, check=False).returncode == 0

    def start(self) -> None:
        """See Server."""
        if not self._data.exists():
            subprocess.run(
                [*_as_nobody_special(), _program("initdb"), "-D", str(self._data), "-U", _OWNER, "--auth=trust"],
                check=True,
                capture_output=True,
                cwd=self.folder,
            )
        super().start()

    def stop(self, number: int = signal.SIGINT) -> None:
        """Ends it without waiting for its clients, and loses nothing."""
        super().stop(number)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        shutil.rmtree(self.folder)


def _as_nobody_special() -> list[str]:
    """What to put before a command that root must not run. It is replaced by the command, so the pid stays."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups"]


def _program(name: str) -> str:
    """The newest one: Debian has a folder for each version."""
    found = sorted(_PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    if not found:
        msg = f"{name} is not installed: apt-get install postgresql"
        raise RuntimeError(msg)
    return str(found[-1])
