"""Google's XML API in front of fake-gcs-server, which has only the reading half of it.

Both engines then work on one medium: `obstore` speaks the XML API, `sdk` the JSON API, which passes as it is. Errors
are worded as Google words them.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterable, Mapping
from email import message_from_bytes
from email.message import Message
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit
from xml.sax.saxutils import escape

from tests.servers.listener import Handler, Listener

_JSON_API = ("/batch/", "/storage/", "/upload/", "/download/", "/_internal/")
_META = "x-goog-meta-"
_NOT_COPIED = ("content-length", "transfer-encoding", "connection", "etag", "location", "content-type")


class Gateway(Listener):
    """On a port of its own. `upstream`: port of fake-gcs-server."""

    def __init__(self, upstream: int) -> None:
        super().__init__(_Handler)
        self.upstream = upstream
        self.uploads: dict[str, tuple[str, Message, dict[int, bytes]]] = {}
        """By id: key, headers and parts of uploads that are neither complete nor aborted."""


class _Handler(Handler[Gateway]):
    """One connection of a client, and one to the server behind."""

    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self._server_behind = HTTPConnection("127.0.0.1", self.owner.upstream, timeout=60)

    def finish(self) -> None:
        self._server_behind.close()
        super().finish()

    def serve(self) -> None:
        """See Handler."""
        self._body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        if url.path.startswith(_JSON_API):
            self._json_api(url.path)
            return
        bucket, _, key = url.path[1:].partition("/")
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        self._bucket, self._key = unquote(bucket), unquote(key)
        match self.command:
            case "GET" if not key:
                self._list(query)
            case "GET" | "HEAD":
                self._get()
            case "POST" if "uploads" in query:
                self._begin()
            case "PUT" if "uploadId" in query:
                self.owner.uploads[query["uploadId"]][2][int(query["partNumber"])] = self._body
                self._answer(200, [("ETag", '"part"')])
            case "POST":
                self._complete(query["uploadId"])
            case "DELETE" if "uploadId" in query:
                self.owner.uploads.pop(query["uploadId"], None)
                self._answer(204)
            case "PUT":
                self._put(self.headers, self._body)
            case "DELETE":
                status, _, _ = self._ask("DELETE", f"/storage/v1/b/{bucket}/o/{quote(self._key, safe='')}")
                self._answer(204) if status < 300 else self._refuse(status)

    # --- The JSON API ---

    def _json_api(self, path: str) -> None:
        if path.startswith("/batch/"):
            self._batch()
            return
        sent = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        status, answer, body = self._ask(self.command, self.path, self._body, sent)
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _NOT_COPIED[:3]]
        wanted = parse_qs(urlsplit(self.path).query).get("ifGenerationMatch")
        if self.command == "GET" and status < 300 and wanted not in (None, [answer.getheader("X-Goog-Generation")]):
            self._answer(412, [], b"At least one of the pre-conditions you specified did not hold.")
            return
        segments = [unquote(segment) for segment in path.partition("/b/")[2].split("/")]
        if status == 404 and segments[0]:
            self._bucket, self._key = segments[0], "/".join(segments[2:])
            _, message = self._missing()
            told = {"message": message, "domain": "global", "reason": "notFound"}
            body = json.dumps({"error": {"code": 404, "message": message, "errors": [told]}}).encode()
            if path.startswith("/download/"):
                body = message.encode()
        # An upload in chunks goes on where it began, not behind what stands in front of this gateway. And the real API
        # does not tell metadata with the bytes.
        here = f"{self.headers.get('X-Forwarded-Proto', 'http')}://{self.headers['Host']}"
        headers = [
            (name, here + "/" + value.split("/", 3)[3] if name.lower() == "location" else value)
            for name, value in headers
            if not name.lower().startswith(_META)
        ]
        self._answer(status, headers, body)

    def _batch(self) -> None:
        """Several requests in one, which the server behind answers with nothing."""
        sent = message_from_bytes(f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode() + self._body)
        parts = []
        for part in sent.walk():
            if not part.is_multipart():
                method, path, _ = str(part.get_payload()).split(maxsplit=2)
                status, _, body = self._ask(method, path)
                parts.append(
                    b"--x\r\nContent-Type: application/http\r\n\r\n"
                    b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\n\r\n%s\r\n" % (status, body)
                )
        self._answer(200, [("Content-Type", "multipart/mixed; boundary=x")], b"".join(parts) + b"--x--")

    # --- The XML API ---

    def _put(self, headers: Message, data: bytes) -> None:
        resource: dict[str, Any] = {
            "name": self._key,
            "metadata": {
                name.lower().removeprefix(_META): value
                for name, value in headers.items()
                if name.lower().startswith(_META)
            },
        }
        if "x-goog-storage-class" in headers:
            resource["storageClass"] = headers["x-goog-storage-class"]
        line = uuid.uuid4().hex
        body = (
            f"--{line}\r\nContent-Type: application/json\r\n\r\n{json.dumps(resource)}\r\n"
            f"--{line}\r\nContent-Type: application/octet-stream\r\n\r\n"
        ).encode() + b"%b\r\n--%b--" % (data, line.encode())
        status, _, told = self._ask(
            "POST",
            f"/upload/storage/v1/b/{quote(self._bucket)}/o?uploadType=multipart",
            body,
            {"Content-Type": f"multipart/related; boundary={line}"},
        )
        if status != 200:
            self._refuse(status)
            return
        etag = _etag(json.loads(told)["md5Hash"])
        xml = f"<CompleteMultipartUploadResult><ETag>{escape(etag)}</ETag></CompleteMultipartUploadResult>"
        self._answer(200, [("ETag", etag)], xml.encode() if self.command == "POST" else b"")

    def _get(self) -> None:
        sent = {"Range": self.headers["Range"]} if "Range" in self.headers else {}
        path = f"/{quote(self._bucket)}/{quote(self._key, safe='')}"
        status, answer, body = self._ask(self.command, path, b"", sent)
        if status >= 300:
            self._refuse(status)
            return
        etag = _etag((answer.getheader("ETag") or "").strip('"'))
        if self.headers.get("If-Match", etag) != etag:
            self._refuse(412)
            return
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _NOT_COPIED]
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self._answer(status, [*headers, ("ETag", etag)], body, length)

    def _list(self, query: Mapping[str, str]) -> None:
        names = {"prefix": "prefix", "max-keys": "maxResults", "continuation-token": "pageToken"}
        asked = urlencode({names[name]: value for name, value in query.items() if name in names})
        status, _, body = self._ask("GET", f"/storage/v1/b/{quote(self._bucket)}/o?{asked}")
        if status != 200:
            self._refuse(status)
            return
        page = json.loads(body)
        contents = "".join(
            f"<Contents><Key>{escape(found['name'])}</Key><LastModified>{found['updated']}</LastModified>"
            f"<ETag>{escape(_etag(found['md5Hash']))}</ETag><Size>{found['size']}</Size></Contents>"
            for found in page.get("items", ())
        )
        token = page.get("nextPageToken", "")
        more = f"<NextContinuationToken>{escape(token)}</NextContinuationToken>" if token else ""
        self._answer(200, [], f"<ListBucketResult>{contents}{more}</ListBucketResult>".encode())

    def _begin(self) -> None:
        if self._missing()[0] == "NoSuchBucket":
            self._refuse(404)
            return
        upload = uuid.uuid4().hex
        self.owner.uploads[upload] = (self._key, self.headers, {})
        xml = f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
        self._answer(200, [], xml.encode())

    def _complete(self, upload: str) -> None:
        _, headers, parts = self.owner.uploads.pop(upload)
        self._put(headers, b"".join(parts[number] for number in sorted(parts)))

    def _refuse(self, status: int) -> None:
        code, message = {
            404: ("", ""),
            412: ("PreconditionFailed", "At least one of the pre-conditions you specified did not hold."),
            416: ("InvalidRange", "The requested range cannot be satisfied."),
        }.get(status, ("InternalError", "fake-gcs-server does not want this"))
        if status == 404:
            code, message = self._missing()
        xml = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        self._answer(status, [("Content-Type", "application/xml; charset=UTF-8")], xml.encode())

    def _missing(self) -> tuple[str, str]:
        """fake-gcs-server does not say what is missing."""
        if self._ask("GET", f"/storage/v1/b/{quote(self._bucket)}")[0] == 404:
            return "NoSuchBucket", "The specified bucket does not exist."
        return "NoSuchKey", f"No such object: {self._bucket}/{self._key}"

    def _ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, HTTPResponse, bytes]:
        headers = headers or {}
        try:
            self._server_behind.request(method, path, body, headers)
        except ConnectionError:  # it may hang up between two requests
            self._server_behind.close()
            self._server_behind.request(method, path, body, headers)
        try:
            answer = self._server_behind.getresponse()
        except ConnectionError:  # it falls over ranges of empty objects
            if "Range" not in headers:
                raise
            _, answer, _ = self._ask(method, path)
            return 416, answer, b""
        return answer.status, answer, answer.read()

    def _answer(
        self, status: int, headers: Iterable[tuple[str, str]] = (), body: bytes = b"", length: str | None = None
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _etag(md5: str) -> str:
    """The XML API writes the MD5 as hexadecimal digits, the JSON API in base64."""
    return f'"{base64.b64decode(md5).hex()}"'
