"""The engine `sdk` for Google Cloud Storage: google-cloud-storage, with its own session for reads.

The library's downloads cannot fill the caller's memory, and do not tell an object's metadata with its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

import requests
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud.storage import Bucket, Client
from google.cloud.storage.exceptions import InvalidResponse
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from storage_plugins.filesystems.connections import SteadyAdapter
from storage_plugins.filesystems.credentials import CredentialsFailed
from storage_plugins.filesystems.network import judge
from storage_plugins.filesystems.objects import (
    CHECKSUM,
    Answer,
    Description,
    Failure,
    KnownAnswer,
    MemoryFile,
    ObjectFileSystem,
    Settings,
    batches,
    range_header,
    read_into,
    seconds,
    span,
)

_KINDS = (
    (requests.ConnectTimeout, "connect"),
    (requests.Timeout, "timeout"),
    (requests.ConnectionError, "connect"),
    (requests.RequestException, "interrupted"),
    (ReadTimeoutError, "timeout"),
    (HTTPError, "interrupted"),
)


def open_bucket(
    name: str, credentials: Any, settings: Settings, *, endpoint: str | None, user_project: str | None
) -> Bucket:
    """A bucket whose connections are kept and never retried."""
    session = AuthorizedSession(
        credentials,
        # After 401 it asks for a new token and tries again, which nobody can do without credentials.
        max_refresh_attempts=0 if isinstance(credentials, AnonymousCredentials) else 1,
    )
    for scheme in ("https://", "http://"):
        session.mount(scheme, SteadyAdapter(pool_connections=1, pool_maxsize=settings.connections, max_retries=0))
    # Given with each request: to requests, variables of the environment count for more than what a session has.
    given: dict[str, Any] = {}
    if settings.ca_file:
        given["verify"] = settings.ca_file
    if settings.proxy:
        given["proxies"] = {"http": settings.proxy, "https": settings.proxy}
    session.request = partial(session.request, **given)  # type: ignore[method-assign]
    client = Client(
        project="unused",
        credentials=credentials,
        client_options={"api_endpoint": endpoint} if endpoint else None,
        _http=session,  # the library offers no other way to size its pool
    )
    # Otherwise it asks for the bucket's location, for traces, with a right that we do not need.
    client._bucket_metadata_cache = None  # noqa: SLF001
    return client.bucket(name, user_project=user_project)


class GcsFileSystem(ObjectFileSystem):
    """Over one bucket. See ObjectFileSystem."""

    protocol = "gs"

    def __init__(
        self,
        bucket: Bucket,
        settings: Settings,
        *,
        metadata: Mapping[str, str],
        storage_class: str | None,
        kms_key: str | None,
    ) -> None:
        super().__init__()
        self._bucket = bucket
        self._metadata = dict(metadata)
        self._storage_class = storage_class
        self._kms_key = kms_key
        self._timeout = (settings.connection_timeout, settings.request_timeout)
        self._part_size = settings.part_size
        connection = bucket.client._connection  # noqa: SLF001 - knows the endpoint
        self._media = f"{connection.API_BASE_URL}/download/storage/v1/b/{quote(bucket.name, safe='')}/o/"
        self._project = {"userProject": bucket.user_project} if bucket.user_project else {}

    def put_object(self, path: str, data: memoryview | bytes, checksum: str) -> None:
        """See ObjectFileSystem.

        Parts of a large object go one after the other, over a resumable upload. The library writes up to 8 MiB at once,
        also when a part is smaller.
        """
        blob = self._bucket.blob(path, chunk_size=self._part_size, kms_key_name=self._kms_key)
        blob.metadata = {**self._metadata, CHECKSUM: checksum}
        blob.crc32c = checksum  # the server compares
        if self._storage_class:
            blob.storage_class = self._storage_class
        blob.upload_from_file(
            MemoryFile(data),
            size=len(data),
            content_type="application/octet-stream",
            timeout=self._timeout,
            retry=None,
            checksum=None,
        )

    def get_object(self, path: str, start: int | None = None, end: int | None = None, etag: str = "") -> Answer:
        """See ObjectFileSystem."""
        headers = {"Accept-Encoding": "gzip"}  # stored bytes as they are, also if somebody compressed them
        params = {"alt": "media", **self._project}
        if start is not None:
            headers["Range"] = range_header(start, end)
        if etag:
            params["ifGenerationMatch"] = etag
        response = self._bucket.client._http.get(  # noqa: SLF001 - see the module
            self._media + quote(path, safe=""),
            params=params,
            headers=headers,
            timeout=self._timeout,
            stream=True,
        )
        if response.status_code not in (200, 206):
            with response:
                raise _Refused(response)
        return _Answer(response)

    def delete_object(self, path: str) -> None:
        """See ObjectFileSystem."""
        self._bucket.delete_blob(path, timeout=self._timeout, retry=None)

    def delete_objects(self, paths: Sequence[str]) -> None:
        """See ObjectFileSystem."""
        for several in batches(paths, 100):
            with self._bucket.client.batch():
                for path in several:
                    self._bucket.delete_blob(path, timeout=self._timeout, retry=None)

    def describe_object(self, path: str) -> Description:
        """See ObjectFileSystem."""
        blob = self._bucket.blob(path)
        blob.reload(timeout=self._timeout, retry=None)
        return Description(path, blob.size, blob.updated)

    def list_objects(self, prefix: str) -> Iterator[Description]:
        """See ObjectFileSystem."""
        for blob in self._bucket.list_blobs(prefix=prefix, timeout=self._timeout, retry=None):
            yield Description(blob.name, blob.size, blob.updated)

    def failure(self, error: Exception) -> Failure | None:
        """See ObjectFileSystem."""
        match error:
            case CredentialsFailed():
                return error.failure
            case _Refused() | InvalidResponse() | GoogleAPICallError() if error.response is not None:
                return _told(error.response)
            case GoogleAPICallError():
                return Failure(int(error.code or 0), "", error.message)
            case RetryError():
                return Failure(0, "interrupted", str(error))
            case _:
                # requests has one name for what could not be opened and for what was open and broke off.
                first = error.args[0] if isinstance(error, requests.ConnectionError) and error.args else None
                told = first if isinstance(first, ProtocolError) else error
                code = next((code for kind, code in _KINDS if isinstance(told, kind)), None)
                return None if code is None else judge(error, code)

    def close(self) -> None:
        """See ObjectFileSystem."""
        self._bucket.client.close()


class _Refused(Exception):
    """An answer that is no object."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__(response.status_code)
        self.response = response
        response.content  # noqa: B018 - read before the connection goes back


class _Answer(KnownAnswer):
    def __init__(self, response: requests.Response) -> None:
        headers = response.headers
        size, start, end = span(int(headers.get("Content-Length", 0)), headers.get("Content-Range"))
        hashes = dict(re.findall(r"(\w+)=([^,\s]+)", headers.get("X-Goog-Hash", "")))
        checksum = headers.get(f"X-Goog-Meta-{CHECKSUM}", "") or hashes.get("crc32c", "")
        super().__init__(size, start, end, headers.get("X-Goog-Generation", ""), checksum)
        self._response = response

    def fill(self, target: memoryview) -> int:
        return read_into(self._response.raw, target)

    def close(self) -> None:
        self._response.close()


def _told(response: Any) -> Failure:
    """A failure as Google's JSON tells it. Where bytes were asked for, it is plain text."""
    code, message = "", ""
    try:
        error = response.json()["error"]
        code = error["errors"][0]["reason"] if error.get("errors") else ""
        message = error.get("message", "")
    except (ValueError, KeyError, TypeError, AttributeError):
        message = response.text[:200].strip() or str(response.reason)
    code = "NoSuchBucket" if "bucket does not exist" in message.lower() else code
    code = "" if response.status_code == 404 and code != "NoSuchBucket" else code
    return Failure(response.status_code, code, message, seconds(response.headers.get("Retry-After", "")))
