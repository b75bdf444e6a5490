"""A server as a child process on loopback, ended by its pid."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

_PATIENCE = 30.0


class Server(ABC):
    """A context manager: starts on entry, ends on exit. A server that does not start fails the test, with its log."""

    def __init__(self, folder: Path) -> None:
        """`folder`: for its data and its log."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """What to run."""

    def environment(self) -> dict[str, str]:
        """Variables beside our own."""
        return {}

    @abstractmethod
    def ready(self) -> bool:
        """Whether it answers. May raise OSError while it does not."""

    def start(self) -> None:
        """Starts, and waits until it is ready."""
        log = self.folder / "server.log"
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd=self.folder,
                env={**os.environ, **self.environment()},
            )
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                msg = f"{type(self).__name__} did not start: {log.read_text(errors='replace')[-2000:]}"
                raise RuntimeError(msg)
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Ends it."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            os.kill(process.pid, number)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        try:
            return self.ready()
        except OSError:
            return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
