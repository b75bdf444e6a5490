"""A real Orthanc as a child process, for tests, benchmarks and demonstrations. It listens on loopback only."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from native_shim import build_shim
from storage_plugins.testing.ports import free_ports


class OrthancError(Exception):
    """Orthanc did not start, or did not answer as expected."""


class Answer:
    """An HTTP answer."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.body = body

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Orthanc:
    """One Orthanc with a folder of its own. A context manager: starts on entry, stops on exit."""

    def __init__(
        self,
        folder: Path,
        configuration: Mapping[str, Any] | None = None,
        *,
        executable: str | None = None,
        plugins: list[str] | None = None,
        port: int | None = None,
        dicom_port: int | None = None,
    ) -> None:
        """`folder` holds configuration, log, database and, unless configured otherwise, the files.

        `configuration` is added to a minimal one. `plugins`: paths, by default the plugin of this environment.
        """
        self.folder = folder
        self.port = port or free_ports(1)[0]
        self.dicom_port = dicom_port or free_ports(1)[0]
        self.log_file = folder / "orthanc.log"
        self._executable = executable or shutil.which("Orthanc") or "/usr/sbin/Orthanc"
        self._process: subprocess.Popen[bytes] | None = None
        self.configuration: dict[str, Any] = {
            "Name": "Orthanc Storage Plugins",
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "index"),
            "HttpPort": self.port,
            "DicomPort": self.dicom_port,
            "DicomAet": "ORTHANC",
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "HttpCompressionEnabled": False,
            "MaximumStorageCacheSize": 0,
            "Plugins": [str(build_shim.default_output())] if plugins is None else plugins,
            **(configuration or {}),
        }
        self.storage = Path(self.configuration["StorageDirectory"])

    @property
    def url(self) -> str:
        """Address of the web page and of the REST API."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the running process."""
        return self._running().pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """The log so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def launch(self) -> None:
        """Starts the process without waiting for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "orthanc.json"
        file.write_text(json.dumps(self.configuration, indent=2))
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [self._executable, str(file)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def start(self, seconds: float = 30) -> None:
        """Starts and waits until the REST API answers. Raises OrthancError with the end of the log."""
        self.launch()
        self.wait_until_ready(seconds)

    def wait_until_ready(self, seconds: float = 30) -> None:
        """Waits until the REST API answers. Raises OrthancError with the end of the log, and then nothing runs."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.alive:
            try:
                if self.get("/system").status == 200:
                    return
            except (OSError, HTTPException):
                pass
            time.sleep(0.02)
        status = self.stop()
        end = "\n".join(self.log.splitlines()[-20:])
        msg = f"Orthanc did not start (exit status {status}). The end of its log:\n{end}"
        raise OrthancError(msg)

    def wait(self, seconds: float = 60) -> int:
        """Waits for the end of the process and returns its exit status; minus the signal when one killed it."""
        return self._running().wait(seconds)

    def stop(self, seconds: float = 60) -> int:
        """Asks Orthanc to stop as Ctrl-C does, and returns its exit status."""
        process = self._running()
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def kill(self) -> None:
        """Ends Orthanc as a power cut of the process would (SIGKILL)."""
        process = self._running()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own. Raises OSError when Orthanc cannot be reached."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, answer.read())
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """GET."""
        return self.request("GET", path, headers=headers)

    def post(self, path: str, body: bytes = b"") -> Answer:
        """POST."""
        return self.request("POST", path, body)

    def put(self, path: str, body: bytes = b"") -> Answer:
        """PUT."""
        return self.request("PUT", path, body)

    def delete(self, path: str) -> Answer:
        """DELETE."""
        return self.request("DELETE", path)

    def upload(self, dicom: bytes) -> str:
        """Stores an instance and returns Orthanc's identifier of it."""
        answer = self.post("/instances", dicom)
        if answer.status != 200:
            msg = f"the upload of an instance failed with HTTP {answer.status}: {answer.body[:500]!r}"
            raise OrthancError(msg)
        return str(answer.json()["ID"])

    def metrics(self) -> dict[str, float]:
        """The numbers at /tools/metrics-prometheus."""
        lines = self.get("/tools/metrics-prometheus").body.decode().splitlines()
        return {name: float(value) for name, value, *_ in (line.split() for line in lines)}

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            msg = "Orthanc was not started"
            raise OrthancError(msg)
        return self._process

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.alive:
            self.stop()
