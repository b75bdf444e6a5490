"""What a worker does: takes a request from C, calls the store, gives back a code."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from _orthanc_storage_shim import ffi, lib

from storage_plugins.bridge import codes
from storage_plugins.bridge.types import Request
from storage_plugins.errors import RangeInvalid
from storage_plugins.keys import Naming
from storage_plugins.store import Store

_log = logging.getLogger(__name__)

# An HTTP client may ask for any range: no alarm.
_EXPECTED = (RangeInvalid,)


class Requests:
    """The requests of one running store."""

    def __init__(self, store: Store, naming: Naming, status: Callable[[], dict[str, Any]]) -> None:
        """`status`: what the REST API tells of the plugin."""
        self._store = store
        self._status = status
        self._key = naming.key
        self._operations: dict[int, tuple[str, Callable[[str, Request], None]]] = {
            lib.STORAGE_CREATE: ("create", self._create),
            lib.STORAGE_READ_WHOLE: ("read", self._read_whole),
            lib.STORAGE_READ_RANGE: ("read a range of", self._read_range),
            lib.STORAGE_REMOVE: ("remove", self._remove),
            lib.STORAGE_STATUS: ("describe", self._describe),
        }

    def serve(self) -> None:
        """Serves requests until the queue is closed and empty. The body of a worker thread."""
        request, code = ffi.NULL, 0
        while True:
            # One call into C for the end of one request and the next one: each call costs a turn of the lock.
            request = lib.storage_next(request, code)
            if not request:
                return
            code = codes.STORAGE_AREA_PLUGIN
            try:
                code = self._handle(request)
            except BaseException:  # noqa: BLE001 - this thread must go on
                # Not even logging worked. Whatever happens to this thread, Orthanc's must not wait for ever.
                lib.storage_complete(request, code)
                request = ffi.NULL

    def _handle(self, request: Request) -> int:
        try:
            uuid = ffi.string(request.uuid).decode(errors="replace")
            key = "" if request.operation == lib.STORAGE_STATUS else self._key(uuid, request.content_type)
            self._operations[request.operation][1](key, request)
        except BaseException as error:  # noqa: BLE001 - this is where errors end
            return self._report(request, error)
        return lib.STORAGE_DONE

    def _report(self, request: Request, error: BaseException) -> int:
        code = codes.code(error)
        verb = self._operations[request.operation][0]
        uuid = ffi.string(request.uuid, 40).decode(errors="replace")
        level = logging.WARNING if isinstance(error, _EXPECTED) else logging.ERROR
        # A StoreError tells all in its message; anything else is a fault of ours or of a library.
        unforeseen = code == codes.STORAGE_AREA_PLUGIN and not hasattr(error, "retryable")
        _log.log(
            level,
            "Cannot %s attachment %r (content type %d): %s",
            verb,
            uuid,
            request.content_type,
            error or type(error).__name__,
            exc_info=error if unforeseen else None,
        )
        return code

    def _create(self, key: str, request: Request) -> None:
        self._store.put(key, _memory(request))

    def _read_whole(self, key: str, request: Request) -> None:
        self._store.read(key, _HostMemory(request))

    def _read_range(self, key: str, request: Request) -> None:
        self._store.read_range(key, request.start, _memory(request))

    def _remove(self, key: str, _request: Request) -> None:
        self._store.delete(key)

    def _describe(self, _key: str, request: Request) -> None:
        text = json.dumps(self._status(), indent=2).encode()
        _HostMemory(request)(len(text))[:] = text


class _HostMemory:
    """What a whole read is to fill: memory of Orthanc."""

    __slots__ = ("_request",)

    def __init__(self, request: Request) -> None:
        self._request = request

    def __call__(self, size: int) -> memoryview:
        if not lib.storage_allocate(self._request, size):
            msg = f"Orthanc has no {size} bytes for it"
            raise MemoryError(msg)
        return _memory(self._request)


def _memory(request: Request) -> memoryview:
    """The host's memory of a request, valid until it is completed. Orthanc gives NULL when there are no bytes."""
    if request.size == 0:
        return memoryview(bytearray())
    return memoryview(ffi.buffer(request.data, request.size))
