"""Object storage: the promises of a store, kept over any filesystem of `storage_plugins.filesystems`.

One request for each verb. A large object is read by several ranged requests at once, straight into the caller's memory.
"""

from __future__ import annotations

import hashlib
import ssl
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Annotated, ClassVar, Literal, NoReturn

from pydantic import BeforeValidator, Field

from storage_plugins.backend import Backend
from storage_plugins.config.model import HostPath, Model, orthanc_key
from storage_plugins.errors import (
    AccessDenied,
    ConfigInvalid,
    Corrupt,
    KeyInvalid,
    NotFound,
    RangeInvalid,
    StorageFull,
    StoreError,
    Unavailable,
)
from storage_plugins.filesystems.objects import (
    Answer,
    Description,
    Failure,
    ObjectFileSystem,
    Settings,
    checksum,
    even_part,
)
from storage_plugins.keys import check_key
from storage_plugins.store import Allocate, Buffer, ObjectInfo

MIB = 1 << 20

Remedies = dict[str, tuple[type[StoreError], str]]
"""By the provider's code: what it is for us, and what to do. "{permission}" stands for what the verb needs."""


class ObjectOptions(Model):
    """Options that all object storage has."""

    engine: Literal["obstore", "sdk"] = "obstore"
    """What talks to the cloud: `obstore` is fast, `sdk` is the vendor's own library."""

    connection_timeout: float = Field(default=5.0, gt=0, le=3600)
    """Seconds to open a connection."""

    request_timeout: float = Field(default=10.0, gt=0, le=3600)
    """Seconds for one request, from its start to the end of its answer; with `sdk`, for each silence. A request moves
    `PartSize` at most, and others of the same object share the line: lower `Parallel` on a slow one. An answer that is
    lost costs this time: `Retry.Deadline` should be three times as long."""

    max_connections: int = Field(default=32, ge=1, le=1000)
    """How many connections are kept open."""

    part_size: int = Field(default=5, ge=5, le=1024)
    """MiB. A larger object is written and read in parts of this size."""

    parallel: int = Field(default=8, ge=1, le=64)
    """How many parts of one object are written or read at the same time."""

    verify_foreign: bool = False
    """Whether objects that somebody else wrote are compared with the MD5 that the cloud tells, where it does. Objects
    of this plugin are always compared with their own checksum."""

    proxy: str = Field(default="", repr=False)
    """Proxy for all requests, for instance `http://proxy.hospital:3128`. Without it, the variables HTTPS_PROXY,
    HTTP_PROXY and NO_PROXY are heeded."""

    ca_file: Annotated[HostPath | None, BeforeValidator(lambda value: value or None)] = Field(
        default=None, alias="CAFile", json_schema_extra=orthanc_key("HttpsCACertificates")
    )
    """Certificates (PEM) of the authorities to trust, for a server with a certificate of its own."""

    metadata: dict[str, str] = Field(default={})
    """User metadata of every object that is written."""

    @property
    def settings(self) -> Settings:
        """For the engines."""
        return Settings(
            connection_timeout=self.connection_timeout,
            request_timeout=self.request_timeout,
            connections=self.max_connections,
            part_size=self.part_size * MIB,
            parallel=self.parallel,
            proxy=self.proxy,
            ca_file=self.ca_file or "",
        )


class ObjectStore(Backend):
    """A store over one bucket. A subclass says how its filesystem is opened, and what its cloud's error codes mean."""

    remote: ClassVar[bool] = True
    remedies: ClassVar[Remedies] = {}
    permissions: ClassVar[dict[str, str]] = {}
    """What the cloud calls the permission to write, read, delete, list and describe."""

    def __init__(self, options: ObjectOptions) -> None:
        """Raises ConfigInvalid when no filesystem can be made of the options. Asks the cloud nothing."""
        self._closed = False
        self._verify_foreign = options.verify_foreign
        self._part = options.settings.part_size
        self._streams = options.parallel + 1  # those of the pool, and the thread that asks for the object
        if options.ca_file:
            _check_certificates(options.ca_file)
        self._filesystem = self.open_filesystem(options)
        self._pool = ThreadPoolExecutor(options.parallel, thread_name_prefix="storage-part")

    @classmethod
    @abstractmethod
    def open_filesystem(cls, options: ObjectOptions) -> ObjectFileSystem:
        """The filesystem of the engine that the options name."""

    def put(self, key: str, data: Buffer) -> None:
        """See Store."""
        self._check(key)
        try:
            self._filesystem.put_object(key, data, checksum(data))
        except Exception as error:
            self._judge("write", key, error)
            raise

    def read(self, key: str, allocate: Allocate) -> None:
        """See Store."""
        self._check(key)
        try:
            with self._filesystem.get_object(key) as answer:
                target = allocate(answer.size)
                self._fill(key, answer, target, 0)
            self._verify(key, answer, target)
        except Exception as error:
            self._judge("read", key, error)
            raise

    def read_range(self, key: str, start: int, target: memoryview) -> None:
        """See Store."""
        if not target:
            return
        self._check(key)
        end = start + len(target)
        first = min(end, start + even_part(len(target), self._part, self._streams))
        try:
            with self._filesystem.get_object(key, start, first) as answer:
                if answer.end < first or first < end:
                    self._check_size(key, answer, end)
                self._fill(key, answer, target, start)
            if start == 0 and len(target) == answer.size:
                self._verify(key, answer, target)
        except Exception as error:
            self._judge("read", key, error)
            raise

    def delete(self, key: str) -> None:
        """See Store."""
        self._check(key)
        try:
            self._filesystem.delete_object(key)
        except Exception as error:
            with suppress(NotFound):
                self._judge("delete", key, error)
                raise

    def delete_many(self, keys: Sequence[str]) -> dict[str, StoreError]:
        """See Store. Where the server refuses one of them, or deleting several at once, each is deleted by itself."""
        for key in keys:
            self._check(key)
        try:
            self._filesystem.delete_objects(keys)
        except Exception as error:
            failure = self._filesystem.failure(error)
            if failure is not None and failure.status in _NOT_AT_ONCE:
                return super().delete_many(keys)
            self._judge("delete", keys[0], error)
            raise
        return {}

    def stat(self, key: str) -> ObjectInfo:
        """See Store."""
        self._check(key)
        try:
            return _info(self._filesystem.describe_object(key))
        except Exception as error:
            self._judge("describe", key, error)
            raise

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See Store."""
        self._check_open()
        try:
            for description in self._filesystem.list_objects(prefix):
                yield _info(description)
        except Exception as error:
            self._judge("list", prefix, error)
            raise

    def close(self) -> None:
        """See Store."""
        if not self._closed:
            self._closed = True
            self._pool.shutdown()
            self._filesystem.close()

    def _check_size(self, key: str, answer: Answer, end: int) -> None:
        if answer.size < end:
            msg = f"cannot read up to byte {end} of object {key!r}: it has {answer.size}"
            raise RangeInvalid(msg)

    def _fill(self, key: str, answer: Answer, target: memoryview, start: int) -> None:
        """Fills `target` with the bytes from `start`: the first part from the answer, the rest from more requests."""
        if len(target) <= self._part:
            self._take(key, answer, target, start)
            return
        here = even_part(len(target), self._part, self._streams)
        parts: list[Future[None]] = []
        try:
            for offset in range(here, len(target), here):
                part = target[offset : offset + here]
                parts.append(self._pool.submit(self._fill_part, key, start + offset, part, answer.etag))
            self._take(key, answer, target[:here], start)
            for future in parts:
                future.result()
        finally:
            # The memory is the caller's: nobody may write into it any more when this returns.
            for future in parts:
                future.cancel()
            wait(parts)

    def _fill_part(self, key: str, start: int, target: memoryview, etag: str) -> None:
        with self._filesystem.get_object(key, start, start + len(target), etag) as answer:
            self._take(key, answer, target, start)

    def _take(self, key: str, answer: Answer, target: memoryview, start: int) -> None:
        """Raises Corrupt unless the body gives exactly `target`, from the offset that was asked for."""
        if answer.start != start or answer.end - start < len(target):
            msg = (
                f"object {key!r}: asked for {len(target)} bytes from offset {start}, got {answer.start} to {answer.end}"
            )
            raise Corrupt(msg, retryable=True)
        if not target:
            return
        try:
            filled = answer.fill(target)
        except Exception as error:
            failure = self._filesystem.failure(error)
            if failure is None or failure.code != "interrupted":
                raise
            msg = f"object {key!r} ended too early: {failure.message}"
            raise Corrupt(msg, retryable=True) from error
        if filled != len(target):
            msg = f"object {key!r} ended after {filled} of {len(target)} bytes from offset {start}"
            raise Corrupt(msg, retryable=True)

    def _verify(self, key: str, answer: Answer, target: memoryview) -> None:
        if stored := answer.checksum:
            kind, expected, found = "CRC32C", stored, checksum(target)
        elif self._verify_foreign and (md5 := answer.md5):
            kind, expected = "MD5", md5
            found = hashlib.md5(target, usedforsecurity=False).hexdigest()
        else:
            return
        if expected != found:
            msg = f"object {key!r} arrived with {kind} {found}, but {expected} was stored: it is damaged"
            raise Corrupt(msg, retryable=True)

    def _check_open(self) -> None:
        if self._closed:
            msg = "the store is closed"
            raise Unavailable(msg)

    def _check(self, key: str) -> None:
        self._check_open()
        check_key(key)

    def _judge(self, verb: str, key: str, error: Exception) -> None:
        """Raises the StoreError that an error of the engine means. Whatever is none of the engine's is to go on."""
        if isinstance(error, StoreError | MemoryError):
            return
        failure = self._filesystem.failure(error)
        if failure is not None:
            self._raise(failure, verb, f"object {key!r}", error)

    def _raise(self, failure: Failure, verb: str, what: str, cause: Exception) -> NoReturn:
        known = self.remedies.get(failure.code)
        kind, remedy = known or _BY_STATUS.get(failure.status, (Unavailable, ""))
        told = " ".join(filter(None, [str(failure.status or ""), failure.code, failure.message]))
        remedy = remedy.replace("{permission}", self.permissions.get(verb, ""))
        msg = ". ".join(filter(None, [f"cannot {verb} {what}: {told.rstrip('.')}", remedy]))
        refused = known is None and kind is Unavailable and failure.status in _REFUSED
        raise kind(msg, retryable=False if refused else None, retry_after=failure.retry_after) from cause


def _check_certificates(file: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except OSError as error:  # of which ssl.SSLError is one
        msg = f"cannot read certificates (PEM) from CAFile {file}: {error.strerror or error}"
        raise ConfigInvalid(msg) from error


_PROXY = "Check Proxy, its user and its password, and whether the proxy lets this server through"

_BY_STATUS: dict[int, tuple[type[StoreError], str]] = {
    401: (AccessDenied, "Check the credentials"),
    403: (AccessDenied, "Check the credentials and their permissions: {permission} is needed"),
    404: (NotFound, ""),
    407: (AccessDenied, _PROXY),
    416: (RangeInvalid, ""),
    507: (StorageFull, ""),
}

_REFUSED = {400, 405, 411, 412, 413, 501}
"""The same request would be refused again, unless its code says otherwise."""


_NOT_AT_ONCE = {400, 401, 403, 404, 405, 409, 411, 412, 501}
"""Answers to a request for several objects that say something of one of them, or of such requests."""


def _info(description: Description) -> ObjectInfo:
    return ObjectInfo(description.path, description.size, description.modified)


COMMON_REMEDIES: Remedies = {
    "timeout": (Unavailable, "The server did not answer in time: is it reachable, is RequestTimeout long enough?"),
    "connect": (Unavailable, "Check the endpoint, the network and the proxy"),
    "certificate": (
        ConfigInvalid,
        "The certificate is not trusted: name its authority in CAFile, check the host in Endpoint and the clock",
    ),
    "proxy": (Unavailable, _PROXY),
    "KeyTooLongError": (KeyInvalid, "Shorten the prefix"),
    "NoSuchBucket": (ConfigInvalid, "Create the bucket, or correct its name"),
    "NoSuchUpload": (Unavailable, "The upload in parts was given up. The next attempt starts a new one"),
}
