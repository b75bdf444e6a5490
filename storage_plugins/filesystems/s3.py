"""The engine `sdk` for S3: boto3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import boto3.session
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
    SSLError,
)
from botocore.handlers import add_expect_header
from urllib3.exceptions import HTTPError

from storage_plugins.filesystems.credentials import CredentialsFailed
from storage_plugins.filesystems.network import judge
from storage_plugins.filesystems.objects import (
    CHECKSUM,
    SMALLEST_PART,
    Answer,
    Description,
    Failure,
    KnownAnswer,
    MemoryFile,
    ObjectFileSystem,
    Settings,
    batches,
    checksum,
    even_part,
    md5_of_etag,
    range_header,
    read_into,
    seconds,
    span,
)

_CODES = (
    ((ConnectTimeoutError, EndpointConnectionError, SSLError), "connect"),
    ((ReadTimeoutError,), "timeout"),
    ((IncompleteReadError, ResponseStreamingError, HTTPError), "interrupted"),
)


def open_client(
    session: boto3.session.Session,
    settings: Settings,
    *,
    region: str,
    endpoint: str | None,
    by_path: bool,
    sign_body: bool,
) -> Any:
    """A client that never retries: that is not its affair."""
    config = Config(
        connect_timeout=settings.connection_timeout,
        read_timeout=settings.request_timeout,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=settings.connections,
        proxies={"http": settings.proxy, "https": settings.proxy} if settings.proxy else None,
        s3={"addressing_style": "path" if by_path else "virtual", "payload_signing_enabled": sign_body},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        tcp_keepalive=True,
    )
    client = session.client(
        "s3", region_name=region, endpoint_url=endpoint, config=config, verify=settings.ca_file or None
    )
    client.meta.events.unregister("before-call.s3", add_expect_header)  # it costs a round trip
    return client


class S3FileSystem(ObjectFileSystem):
    """Over one bucket. See ObjectFileSystem."""

    protocol = "s3"

    def __init__(
        self,
        client: Any,
        bucket: str,
        settings: Settings,
        *,
        extra: Mapping[str, Any],
        common: Mapping[str, Any],
        tags: Mapping[str, str],
        bucket_key: bool | None = None,
    ) -> None:
        """`extra`: arguments of every write. `common`: of every call."""
        super().__init__()
        events = client.meta.events
        events.register("provide-client-params.s3.UploadPart", _with_checksum)
        if bucket_key is not None:  # the transfer manager refuses it as an argument
            for call in ("PutObject", "CreateMultipartUpload"):
                events.register(
                    f"provide-client-params.s3.{call}", lambda params, **_: {**params, "BucketKeyEnabled": bucket_key}
                )
        self._client = client
        self._common = {"Bucket": bucket, **common}
        self._extra = {name: value for name, value in extra.items() if name != "Metadata"} | dict(common)
        self._metadata = dict(extra.get("Metadata", {}))
        if tags:
            self._extra["Tagging"] = urlencode(tags)
        self._settings = settings

    def put_object(self, path: str, data: memoryview | bytes, checksum: str) -> None:
        """See ObjectFileSystem."""
        extra = {**self._extra, "Metadata": {**self._metadata, CHECKSUM: checksum}, "ChecksumAlgorithm": "CRC32C"}
        if len(data) > self._settings.part_size:
            bucket = self._common["Bucket"]
            self._client.upload_fileobj(MemoryFile(data), bucket, path, ExtraArgs=extra, Config=self._parts(len(data)))
            return
        self._client.put_object(
            Bucket=self._common["Bucket"], Key=path, Body=bytes(data), ChecksumCRC32C=checksum, **extra
        )

    def _parts(self, size: int) -> TransferConfig:
        settings = self._settings
        return TransferConfig(
            multipart_threshold=settings.part_size + 1,
            multipart_chunksize=even_part(size, settings.part_size, settings.parallel, SMALLEST_PART),
            max_concurrency=settings.parallel,
        )

    def get_object(self, path: str, start: int | None = None, end: int | None = None, etag: str = "") -> Answer:
        """See ObjectFileSystem."""
        arguments = dict(self._common)
        if start is not None:
            arguments["Range"] = range_header(start, end)
        if etag:
            arguments["IfMatch"] = etag
        return _Answer(self._client.get_object(Key=path, **arguments))

    def delete_object(self, path: str) -> None:
        """See ObjectFileSystem."""
        self._client.delete_object(Key=path, **self._common)

    def delete_objects(self, paths: Sequence[str]) -> None:
        """See ObjectFileSystem."""
        for several in batches(paths, 1000):
            wanted = {"Objects": [{"Key": path} for path in several], "Quiet": True}
            answer = self._client.delete_objects(Delete=wanted, **self._common)
            for error in answer.get("Errors", ()):
                raise ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}, "DeleteObjects")

    def describe_object(self, path: str) -> Description:
        """See ObjectFileSystem."""
        found = self._client.head_object(Key=path, **self._common)
        return Description(path, found["ContentLength"], found["LastModified"])

    def list_objects(self, prefix: str) -> Iterator[Description]:
        """See ObjectFileSystem."""
        for page in self._client.get_paginator("list_objects_v2").paginate(Prefix=prefix, **self._common):
            for found in page.get("Contents", ()):
                yield Description(found["Key"], found["Size"], found["LastModified"])

    def failure(self, error: Exception) -> Failure | None:
        """See ObjectFileSystem."""
        if isinstance(error, CredentialsFailed):
            return error.failure
        if isinstance(error, ClientError):
            told, answer = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
            status = int(answer.get("HTTPStatusCode", 0))
            code = str(told.get("Code", ""))
            return Failure(
                status,
                "" if code == str(status) else code,
                str(told.get("Message", "")),
                seconds(answer.get("HTTPHeaders", {}).get("retry-after", "")),
            )
        if isinstance(error, BotoCoreError | HTTPError | OSError):
            code = next((code for kinds, code in _CODES if isinstance(error, kinds)), "interrupted")
            return judge(error, code)
        return None

    def close(self) -> None:
        """See ObjectFileSystem."""
        self._client.close()


def _with_checksum(params: Mapping[str, Any], **_: Any) -> dict[str, Any]:
    """The arguments of a part, with its checksum in a header.

    botocore has no CRC32C without a library of 30 MB. And over TLS it would write the checksum behind the body, in an
    encoding that only Amazon's servers are sure to know.
    """
    body = params["Body"]
    start = body.tell()
    found = checksum(body.read())
    body.seek(start)
    return {**params, "ChecksumCRC32C": found}


class _Answer(KnownAnswer):
    def __init__(self, response: Mapping[str, Any]) -> None:
        size, start, end = span(response["ContentLength"], response.get("ContentRange"))
        etag = response.get("ETag", "")
        plain = response.get("ServerSideEncryption") in (None, "AES256")  # otherwise the ETag is no MD5
        checksum = response.get("Metadata", {}).get(CHECKSUM, "")
        super().__init__(size, start, end, etag, checksum, md5_of_etag(etag) if plain else "")
        self._body = response["Body"]
        self._read = 0

    def fill(self, target: memoryview) -> int:
        filled = read_into(self._body, target)
        self._read += filled
        return filled

    def close(self) -> None:
        with suppress(HTTPError, OSError):
            if self._read == self.end - self.start:
                self._body.read()  # the end of the body gives the connection back
        self._body.close()
