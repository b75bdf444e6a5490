"""What a request asks leave for: IAM actions of Amazon, RBAC actions of Azure, IAM permissions of Google.

A request, a parameter or a header that is in no table here is an error: whoever makes the plugin send something new
looks up what it needs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.servers.proxy import Proxy, Reply, Seen

Needs = frozenset[str]


class Unknown(Exception):
    """A request that is in no table."""


class Recorder(Proxy):
    """A proxy that keeps the answers as well."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.exchanges: list[tuple[Seen, Reply]] = []

    def ask(self, seen: Seen) -> Reply:
        """See Proxy."""
        reply = super().ask(seen)
        self.exchanges.append((seen, reply))
        return reply


@dataclass(frozen=True, slots=True)
class Api:
    """The part of a protocol that the plugin speaks."""

    operations: Mapping[str, str]
    """What is needed, by method, what it is about, and the parameters in the order of the alphabet."""

    parameters: str
    """Those that need nothing more and change nothing, as a pattern."""

    headers: Mapping[str, str]
    """What headers of the provider's own need, by a pattern. The first one that fits counts."""

    ours: str
    """How the names of such headers start."""

    def needs(self, method: str, about: str, url: str, headers: Iterable[str]) -> Needs:
        """`headers`: their names. Raises Unknown."""
        words = [method, about]
        for name, value in sorted(parse_qsl(urlsplit(url).query, keep_blank_values=True)):
            if not re.fullmatch(self.parameters, name):
                words.append(f"{name}={value}" if name in _VALUE_COUNTS else name)
        operation = " ".join(words)
        if operation not in self.operations:
            raise Unknown(operation)
        found = set(self.operations[operation].split())
        for name in headers:
            if name.lower().startswith(self.ours):
                found.update(self._of_header(name.lower()))
        return frozenset(found)

    def _of_header(self, name: str) -> list[str]:
        for pattern, needed in self.headers.items():
            if re.fullmatch(pattern, name):
                return needed.split()
        raise Unknown(name)


_VALUE_COUNTS: Final = ("alt", "comp", "include", "projection", "restype", "uploadType")

_S3: Final = Api(
    operations={
        "PUT object": "s3:PutObject",
        "POST object uploads": "s3:PutObject",
        "PUT object partNumber uploadId": "s3:PutObject",
        "POST object uploadId": "s3:PutObject",
        "DELETE object uploadId": "s3:AbortMultipartUpload",
        "GET object": "s3:GetObject",
        "HEAD object": "s3:GetObject",
        "DELETE object": "s3:DeleteObject",
        "POST bucket delete": "s3:DeleteObject",
        "GET bucket list-type": "s3:ListBucket",
    },
    parameters="continuation-token|delimiter|encoding-type|max-keys|prefix",
    headers={
        "x-amz-tagging": "s3:PutObjectTagging",
        "x-amz-acl|x-amz-grant-.*": "s3:PutObjectAcl",
        "x-amz-object-lock-legal-hold": "s3:PutObjectLegalHold",
        "x-amz-object-lock-.*": "s3:PutObjectRetention",
        "x-amz-(content-sha256|date|security-token|request-payer|storage-class|meta-.*)": "",
        "x-amz-(checksum-.*|sdk-checksum-algorithm|server-side-encryption.*)": "",
    },
    ours="x-amz-",
)


def of_s3(seen: Seen, reply: Reply) -> Needs:
    """Amazon S3, with the bucket in the path. The answer tells whether KMS has encrypted, by whosever wish."""
    about = "object" if _behind(seen.path, 2) else "bucket"
    needs = _S3.needs(seen.method, about, seen.path, seen.headers.keys())
    encryption = {name.lower(): value for name, value in reply.headers}.get("x-amz-server-side-encryption", "")
    if encryption.startswith("aws:kms"):
        match seen.method, "uploadId=" in seen.path:
            case "GET", _:
                needs |= {"kms:Decrypt"}
            case "PUT" | "POST", True:  # what is put together is read again
                needs |= {"kms:Decrypt", "kms:GenerateDataKey"}
            case "PUT" | "POST", False:
                needs |= {"kms:GenerateDataKey"}
    return needs


_AZURE: Final = Api(
    operations={
        "PUT object": "blobs/write",
        "PUT object blockid comp=block": "blobs/write",
        "PUT object comp=blocklist": "blobs/write",
        "GET object": "blobs/read",
        "HEAD object": "blobs/read",
        "DELETE object": "blobs/delete",
        "GET container comp=list restype=container": "blobs/read",
        "PUT container restype=container": "write",
        # The batch itself; what is in it comes on top.
        "POST container comp=batch restype=container": "write",
    },
    parameters="delimiter|marker|maxresults|prefix|timeout",
    headers={
        "x-ms-tags": "blobs/tags/write",
        "x-ms-(immutability-policy|legal-hold).*": "blobs/immutableStorage/runAsSuperUser/action",
        "x-ms-(access-tier|encryption-scope|encryption-algorithm|meta-.*)": "",
        "x-ms-(blob-type|blob-content-.*|content-.*|range|range-get-.*|structured-.*)": "",
        "x-ms-(client-request-id|date|return-client-request-id|version)": "",
    },
    ours="x-ms-",
)
_AZURE_PREFIX: Final = "Microsoft.Storage/storageAccounts/blobServices/containers/"


def of_azure(seen: Seen, _: Reply) -> Needs:
    """Azure Blob Storage, with the account in the path."""

    def one(method: str, url: str, headers: Iterable[str]) -> Needs:
        return _AZURE.needs(method, "object" if _behind(url, 3) else "container", url, headers)

    needs = one(seen.method, seen.path, seen.headers.keys())
    if "comp=batch" in seen.path:
        needs = needs.union(*(one(method, url, ()) for method, url in _in_batch(seen.body)))
    return frozenset(_AZURE_PREFIX + action for action in needs)


_GCS: Final = Api(
    operations={
        # Who may replace an object may delete it. In a resumable upload only its start asks for leave.
        "POST upload uploadType=multipart": "storage.objects.create storage.objects.delete",
        "POST upload uploadType=resumable": "storage.objects.create storage.objects.delete",
        "PUT upload uploadType=resumable upload_id": "",
        "GET download alt=media": "storage.objects.get",
        "GET json-object projection=noAcl": "storage.objects.get",
        "DELETE json-object": "storage.objects.delete",
        "GET json-list projection=noAcl": "storage.objects.list",
        "POST batch": "",
        "PUT object": "storage.objects.create storage.objects.delete",
        "POST object uploads": "storage.multipartUploads.create storage.objects.create",
        "PUT object partNumber uploadId": "storage.multipartUploads.create storage.objects.create",
        "POST object uploadId": "storage.multipartUploads.create storage.objects.create storage.objects.delete",
        "DELETE object uploadId": "storage.multipartUploads.abort",
        "GET object": "storage.objects.get",
        "HEAD object": "storage.objects.get",
        "DELETE object": "storage.objects.delete",
        "GET bucket list-type": "storage.objects.list",
    },
    parameters="continuation-token|delimiter|encoding-type|fields|ifGenerationMatch|kmsKeyName|max-keys|maxResults"
    "|name|pageToken|prefix|prettyPrint|userProject",
    headers={
        "x-goog-user-project": "serviceusage.services.use",
        "x-goog-acl|x-goog-grant-.*": "storage.objects.setIamPolicy",
        "x-goog-(api-client|content-length-range|hash|meta-.*|storage-class)": "",
    },
    ours="x-goog-",
)


def of_gcs(seen: Seen, _: Reply) -> Needs:
    """Google Cloud Storage: the JSON API, and the XML API for every other path."""

    def one(method: str, url: str, headers: Iterable[str]) -> Needs:
        needs = _GCS.needs(method, _about_gcs(urlsplit(url).path), url, headers)
        return needs | {"serviceusage.services.use"} if "userProject=" in url else needs

    needs = one(seen.method, seen.path, seen.headers.keys())
    if seen.path.startswith("/batch/"):
        needs = needs.union(*(one(method, url, ()) for method, url in _in_batch(seen.body)))
    return needs


def _about_gcs(path: str) -> str:
    for start, about in (("/upload/storage/v1/b/", "upload"), ("/download/storage/v1/b/", "download")):
        if path.startswith(start):
            return about
    if path.startswith("/batch/storage/v1"):
        return "batch"
    if path.startswith("/storage/v1/b/"):
        return "json-object" if _behind(path, 6) else "json-list" if _behind(path, 5) == "o" else "json-bucket"
    return "object" if _behind(path, 2) else "bucket"


def _behind(url: str, segments: int) -> str:
    """What comes behind the first segments of the path."""
    return unquote("".join(urlsplit(url).path.split("/", segments)[segments:]))


def _in_batch(body: bytes) -> list[tuple[str, str]]:
    """Method and target of each request."""
    found = re.findall(rb"^([A-Z]+) (\S+) HTTP/1\.1\r?$", body, re.MULTILINE)
    if not found:
        raise Unknown(body[:500].decode(errors="replace"))
    return [(method.decode(), url.decode()) for method, url in found]


NEEDS: Final[Mapping[str, Callable[[Seen, Reply], Needs]]] = {
    "seaweedfs": of_s3,
    "moto": of_s3,
    "azurite": of_azure,
    "fake-gcs": of_gcs,
}
"""By the name of the server."""
