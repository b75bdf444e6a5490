"""The services of the compose file, each run as its container would, on one network of their own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.packaging.debian import Machine
from tests.servers.postgresql import Database, PostgreSql
from tests.servers.process import Server


class Service(Server):
    """A program that is ready when its health check succeeds."""

    def __init__(self, folder: Path, command: Sequence[str], health: Sequence[str]) -> None:
        super().__init__(folder)
        self._command = list(command)
        self._health = list(health)

    def command(self) -> list[str]:
        """See Server."""
        return self._command

    def ready(self) -> bool:
        """See Server."""
        return subprocess.run(self._health, capture_output=True, timeout=30, check=False).returncode == 0

    def end(self) -> int:
        """Asks the program inside to end, as the runtime of containers does, and returns its exit status."""
        assert self._process is not None
        pid = self._process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.kill(int(child), signal.SIGTERM)
        return self._process.wait(60)


class PostgresService(PostgreSql):
    """As PostgreSQL's image: a user and a database of the same name, and a password for whoever comes over TCP."""

    def __init__(self, machine: Machine, variables: Mapping[str, str], password: str) -> None:
        super().__init__()
        self._machine = machine
        self._name = variables["POSTGRES_USER"]
        self._password = password
        self._access = self.folder / "access"
        self._access.write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        self._access.chmod(0o644)

    def command(self) -> list[str]:
        """See Server."""
        settings = ["listen_addresses=127.0.0.1", f"hba_file={self._access}"]
        return self._machine.beside([*super().command(), *(word for one in settings for word in ("-c", one))])

    def start(self) -> None:
        """See Server."""
        super().start()
        self.database(self._name).ask(f"alter user {self._name} password '{self._password}'")

    def connections(self) -> int:
        """How many clients the database has."""
        found = Database(self._uri("postgres")).ask(
            f"select count(*) from pg_stat_activity where datname = '{self._name}'"  # noqa: S608 - of the compose file
        )
        return int(found[0])
