"""Connections of the library requests, for the engines over it."""

from __future__ import annotations

from typing import Any

from requests.adapters import HTTPAdapter

from storage_plugins.filesystems.objects import MemoryFile


class SteadyAdapter(HTTPAdapter):
    """Sends a body block by block, so that the timeout is for each block.

    Otherwise the whole body would have to be out within the time for opening a connection: never, on a slow line.
    """

    def send(self, request: Any, *arguments: Any, **more: Any) -> Any:
        """See HTTPAdapter."""
        if isinstance(request.body, bytes):
            request.body = MemoryFile(request.body)
        return super().send(request, *arguments, **more)
