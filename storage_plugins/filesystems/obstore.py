"""The engine `obstore`: Rust's object_store, for all three clouds. Its calls release the interpreter lock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import obstore
from obstore.exceptions import BaseError

from storage_plugins.filesystems.credentials import CredentialsFailed
from storage_plugins.filesystems.objects import (
    CHECKSUM,
    SMALLEST_PART,
    Answer,
    Description,
    Failure,
    ObjectFileSystem,
    Settings,
    even_part,
    md5_of_etag,
)

# When they end is known where they come from, not here: so obstore holds credentials for this time only.
_ASK_AGAIN: Final = timedelta(seconds=0.25)

# A body up to this size is taken in one piece; a larger one in pieces, so that it is not in memory twice.
_WHOLE: Final = 1 << 20
_PIECE: Final = 256 << 10

# What object_store writes into its errors; there is nothing else to go by.
_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<(?:Code|code)>([^<]{1,100})</")
_REASON = re.compile(r"<(?:Message|message)>([^<\n]{1,300})")
_IN_BATCH = re.compile(r"Bulk delete request failed for key .*: (.*) \(code: (\d{3})\)")
# Some servers answer a range that starts at the end of the object with no bytes, instead of 416.
_PAST_END = re.compile(r"(?:Wanted range starting at|CONTENT_RANGE header: \"bytes 0--1/0).*")
_NEVER_SENT: Final = {
    "certificate": re.compile(r"InvalidCertificate\(\s*(\w+)"),
    "proxy": re.compile(r"(TunnelUnsuccessful|ProxyAuthRequired)"),
}
_KIND = re.compile(r"kind: (Timeout|Connect|Interrupted|Request|Decode|Unknown)\b")
_CODES_OF_KINDS: Final = {"Timeout": "timeout", "Connect": "connect"}


class ObstoreFileSystem(ObjectFileSystem):
    """Over one store of obstore. See ObjectFileSystem."""

    def __init__(
        self,
        kind: Callable[..., Any],
        bucket: str,
        config: Mapping[str, Any],
        settings: Settings,
        *,
        endpoint: str,
        credentials: Callable[[], dict[str, Any]] | None,
        metadata: Mapping[str, str],
        storage_class: str | None = None,
        tags: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`kind`: obstore's class for the cloud, with its `config`. `endpoint`: tells whether TLS is wanted.

        `credentials`: asked for again and again, so it must be quick; raises CredentialsFailed. `metadata`,
        `storage_class` and `tags` go with every write, `headers` with every request: they are not signed.
        """
        super().__init__()
        self._credentials = _Provider(credentials) if credentials else None
        self._store = kind(
            bucket,
            config=config,
            client_options=_client(settings)
            | {"allow_http": endpoint.startswith("http://"), "default_headers": dict(headers or {})},
            retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=1)},
            credential_provider=self._credentials,
        )
        self._settings = settings
        self._attributes = {**metadata, **({"Storage-Class": storage_class} if storage_class else {})}
        self._tags = dict(tags or {}) or None

    def put_object(self, path: str, data: memoryview | bytes, checksum: str) -> None:
        """See ObjectFileSystem."""
        settings = self._settings
        obstore.put(
            self._store,
            path,
            data,
            attributes={**self._attributes, CHECKSUM: checksum},
            tags=self._tags,
            use_multipart=len(data) > settings.part_size,
            chunk_size=even_part(len(data), settings.part_size, settings.parallel, SMALLEST_PART),
            max_concurrency=settings.parallel,
        )

    def get_object(self, path: str, start: int | None = None, end: int | None = None, etag: str = "") -> Answer:
        """See ObjectFileSystem."""
        options: dict[str, Any] = {}
        if start is not None:
            options["range"] = {"offset": start} if end is None else (start, end)
        if etag:
            options["if_match"] = etag
        return _Answer(obstore.get(self._store, path, options=options or None), whole=start is None)

    def delete_object(self, path: str) -> None:
        """See ObjectFileSystem."""
        obstore.delete(self._store, path)

    def delete_objects(self, paths: Sequence[str]) -> None:
        """See ObjectFileSystem. Google is asked for one after the other, ten at a time."""
        obstore.delete(self._store, list(paths))

    def describe_object(self, path: str) -> Description:
        """See ObjectFileSystem."""
        return _description(obstore.head(self._store, path))

    def list_objects(self, prefix: str) -> Iterator[Description]:
        """See ObjectFileSystem. object_store lists by whole segments, so the last one is compared here."""
        folder = prefix.rpartition("/")[0]
        for page in obstore.list(self._store, folder or None, chunk_size=1000):
            for meta in page:
                if meta["path"].startswith(prefix):
                    yield _description(meta)

    def failure(self, error: Exception) -> Failure | None:
        """See ObjectFileSystem."""
        no_credentials = self._credentials.failure(error) if self._credentials else None
        if no_credentials or not isinstance(error, BaseError | FileNotFoundError | ValueError):
            return no_credentials
        text = str(error)
        summary, _, details = text.partition("\n\nDebug source:")
        if (status := _STATUS.search(summary)) is not None:
            code, reason = _CODE.search(summary), _REASON.search(summary)
            return Failure(int(status[1]), code[1] if code else "", reason[1] if reason else status[0])
        if isinstance(error, FileNotFoundError):
            return Failure(404, "", "not found")
        if (item := _IN_BATCH.search(summary)) is not None:
            return Failure(int(item[2]), "", item[1])
        if (past_end := _PAST_END.search(summary)) is not None:
            return Failure(416, "", past_end[0])
        return _unanswered(summary, details)


class _Provider:
    """What obstore calls. It keeps the error of a call, of which obstore tells the text only."""

    refresh_threshold = timedelta(0)
    """How long before `expires_at` obstore asks again."""

    def __init__(self, ask: Callable[[], dict[str, Any]]) -> None:
        self._ask = ask
        self._failed: Failure | None = None

    def __call__(self) -> dict[str, Any]:
        try:
            return {**self._ask(), "expires_at": datetime.now(UTC) + _ASK_AGAIN}
        except CredentialsFailed as error:
            self._failed = error.failure
            raise

    def failure(self, error: Exception) -> Failure | None:
        """The failure behind an error of obstore, if it came from here."""
        return self._failed if CredentialsFailed.__name__ in str(error) else None


class _Answer(Answer):
    """Asks obstore only for what is asked of it: each answer is made of Rust's anew."""

    def __init__(self, result: Any, *, whole: bool) -> None:
        """`whole`: no range was asked for."""
        self._result = result
        self._whole = whole
        self.start, self.end = result.range

    @property
    def size(self) -> int:
        return self.end if self._whole else int(self._result.meta["size"])

    @property
    def etag(self) -> str:
        return str(self._result.meta["e_tag"] or "")

    @property
    def checksum(self) -> str:
        return str(self._result.attributes.get(CHECKSUM, ""))

    @property
    def md5(self) -> str:
        return md5_of_etag(self.etag)

    def fill(self, target: memoryview) -> int:
        if self.end - self.start <= min(_WHOLE, len(target)):
            data = self._result.bytes()
            target[: len(data)] = memoryview(data)
            return len(data)
        filled = 0
        for piece in self._result.stream(min_chunk_size=_PIECE):
            part = memoryview(piece)[: len(target) - filled]
            target[filled : filled + len(part)] = part
            filled += len(part)
            if filled == len(target):
                break
        return filled

    def close(self) -> None:
        """obstore gives the connection back with the last byte, or drops it with the result."""


def _client(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "connect_timeout": timedelta(seconds=settings.connection_timeout),
        "timeout": timedelta(seconds=settings.request_timeout),
        "pool_max_idle_per_host": str(settings.connections),
        "http1_only": True,
    }
    if settings.proxy:
        options["proxy_url"] = settings.proxy
    if settings.ca_file:
        with open(settings.ca_file, encoding="ascii", errors="replace") as file:
            options["root_certificate"] = file.read()
    return options


def _description(meta: Any) -> Description:
    return Description(meta["path"], meta["size"], meta["last_modified"])


def _unanswered(summary: str, details: str) -> Failure:
    for code, pattern in _NEVER_SENT.items():
        if (reason := pattern.search(details)) is not None:
            return Failure(0, code, reason[1])
    kind = _KIND.search(details)
    code = _CODES_OF_KINDS.get(kind[1], "interrupted") if kind else ""
    return Failure(0, code, _causes(summary, details))


def _causes(summary: str, details: str) -> str:
    """The last words of object_store's chain of causes say most: "Connection refused"."""
    found = re.findall(r'(?:message: |error: )"?([^",\n{}]{3,120})', details)
    return f"{summary.rpartition(' - ')[2]} ({found[-1].strip()})" if found else summary.rpartition(" - ")[2]
