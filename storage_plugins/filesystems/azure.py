"""The engine `sdk` for Azure: azure-storage-blob."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import requests
from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    IncompleteReadError,
    ResourceExistsError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseTimeoutError,
)
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import ContainerClient, StandardBlobTier
from urllib3.util import Retry

from storage_plugins.filesystems.connections import SteadyAdapter
from storage_plugins.filesystems.credentials import CredentialsFailed
from storage_plugins.filesystems.network import judge
from storage_plugins.filesystems.objects import (
    CHECKSUM,
    Answer,
    Description,
    Failure,
    KnownAnswer,
    ObjectFileSystem,
    Settings,
    batches,
    seconds,
    span,
)

# A body arrives in pieces of this size.
_PIECE = 1 << 20


def open_client(endpoint: str, container: str, credential: Any, settings: Settings) -> ContainerClient:
    """A client that never retries: that is not its affair."""
    return ContainerClient(
        endpoint,
        container,
        credential=credential,
        transport=_Transport(settings),
        retry_total=0,
        max_single_put_size=settings.part_size,
        max_block_size=settings.part_size,
        max_single_get_size=settings.part_size,
        max_chunk_get_size=settings.part_size,
        proxies={"http": settings.proxy, "https": settings.proxy} if settings.proxy else None,
    )


class _Transport(RequestsTransport):  # type: ignore[misc] # azure-core imports it lazily, so mypy sees Any
    """Keeps as many connections as it is told. A request that runs while it is closed comes to its end."""

    def __init__(self, settings: Settings) -> None:
        session = requests.Session()
        # total=False: the error itself comes back, and not one with the whole URL, which may hold a signature
        never = Retry(total=False, redirect=False, raise_on_status=False)
        for scheme in ("http://", "https://"):
            session.mount(scheme, SteadyAdapter(pool_maxsize=settings.connections, max_retries=never))
        super().__init__(
            session=session,
            session_owner=False,
            connection_timeout=settings.connection_timeout,
            read_timeout=settings.request_timeout,
            connection_verify=settings.ca_file or True,
            connection_data_block_size=_PIECE,
        )
        self._kept = session

    def close(self) -> None:
        self._kept.close()


class AzureFileSystem(ObjectFileSystem):
    """Over one container. See ObjectFileSystem."""

    protocol = "az"

    def __init__(
        self,
        client: ContainerClient,
        settings: Settings,
        *,
        metadata: Mapping[str, str],
        tags: Mapping[str, str],
        access_tier: str | None,
        encryption_scope: str,
    ) -> None:
        super().__init__()
        self._client = client
        self._settings = settings
        self._metadata = dict(metadata)
        self._extra: dict[str, Any] = {}
        if tags:
            self._extra["tags"] = dict(tags)
        if access_tier:
            self._extra["standard_blob_tier"] = StandardBlobTier(access_tier)
        if encryption_scope:
            self._extra["encryption_scope"] = encryption_scope

    def create_container(self) -> None:
        """Creates the container unless it is there."""
        try:
            self._client.create_container()
        except ResourceExistsError as error:
            if getattr(error, "error_code", "") != "ContainerAlreadyExists":  # it may be on its way out
                raise

    def put_object(self, path: str, data: memoryview | bytes, checksum: str) -> None:
        """See ObjectFileSystem. The server compares an MD5 of each request."""
        part = self._settings.part_size
        large = len(data) > part
        self._client.upload_blob(
            path,
            (bytes(data[at : at + part]) for at in range(0, len(data), part)) if large else bytes(data),
            length=len(data),
            overwrite=True,
            metadata={**self._metadata, CHECKSUM: checksum},
            validate_content=True,
            max_concurrency=self._settings.parallel,
            **self._extra,
        )

    def get_object(self, path: str, start: int | None = None, end: int | None = None, etag: str = "") -> Answer:
        """See ObjectFileSystem. The first request asks for a part at most, as azure-storage-blob does it."""
        arguments: dict[str, Any] = {}
        if start is not None:
            arguments["offset"] = start
            if end is not None:
                arguments["length"] = end - start
        if etag:
            arguments |= {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        exchange = _Exchange()
        try:
            download = self._client.download_blob(
                path, raw_request_hook=exchange.ask, raw_response_hook=exchange.answer, **arguments
            )
            body = next(iter(download.chunks()), b"")
        except _AskedAgain:
            body = b""
        return _Answer(exchange.headers, body)

    def delete_object(self, path: str) -> None:
        """See ObjectFileSystem."""
        self._client.delete_blob(path)

    def delete_objects(self, paths: Sequence[str]) -> None:
        """See ObjectFileSystem."""
        for several in batches(paths, 256):
            for answer in self._client.delete_blobs(*several, raise_on_any_failure=False):
                if answer.status_code >= 400 and answer.status_code != 404:
                    raise HttpResponseError(response=answer)

    def describe_object(self, path: str) -> Description:
        """See ObjectFileSystem."""
        found = self._client.get_blob_client(path).get_blob_properties()
        return Description(path, found.size, found.last_modified)

    def list_objects(self, prefix: str) -> Iterator[Description]:
        """See ObjectFileSystem."""
        for found in self._client.list_blobs(name_starts_with=prefix):
            yield Description(found.name, found.size, found.last_modified)

    def failure(self, error: Exception) -> Failure | None:
        """See ObjectFileSystem."""
        if isinstance(error, CredentialsFailed):
            return error.failure
        if isinstance(error, HttpResponseError) and error.status_code:
            code = getattr(error, "error_code", None)
            return Failure(
                error.status_code,
                str(getattr(code, "value", code) or ""),
                (error.message or error.reason or "").partition("\n")[0],
                seconds(getattr(error.response, "headers", {}).get("Retry-After", "")),
            )
        if isinstance(error, AzureError):
            kinds = (
                ((ServiceRequestTimeoutError, ServiceRequestError), "connect"),
                ((ServiceResponseTimeoutError,), "timeout"),
                ((IncompleteReadError,), "interrupted"),
            )
            code = next((code for kind, code in kinds if isinstance(error, kind)), "interrupted")
            return judge(error, code)
        return None

    def close(self) -> None:
        """See ObjectFileSystem."""
        self._client.close()


class _AskedAgain(Exception):
    """The body was shorter than its head, and azure-storage-blob wants to ask for the rest."""


class _Exchange:
    """One download is one GET: asking again is not the engine's affair. Only an empty blob costs a second one."""

    def __init__(self) -> None:
        self.headers: Mapping[str, str] = {}
        self._status = 0

    def ask(self, _: Any) -> None:
        if self._status not in (0, 416):
            raise _AskedAgain

    def answer(self, response: Any) -> None:
        self._status = response.http_response.status_code
        self.headers = response.http_response.headers


class _Answer(KnownAnswer):
    def __init__(self, headers: Mapping[str, str], body: bytes) -> None:
        size, start, end = span(int(headers.get("Content-Length", 0)), headers.get("Content-Range"))
        etag, checksum = headers.get("ETag", ""), headers.get(f"x-ms-meta-{CHECKSUM}", "")
        md5 = base64.b64decode(headers.get("x-ms-blob-content-md5", "")).hex()
        super().__init__(size, start, end, etag, checksum, md5)
        self._body = body

    def fill(self, target: memoryview) -> int:
        part = memoryview(self._body)[: len(target)]
        target[: len(part)] = part
        return len(part)

    def close(self) -> None:
        """The body has been read: the connection is back."""
