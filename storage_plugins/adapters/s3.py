"""Amazon S3 and what speaks its protocol: MinIO, Ceph, SeaweedFS, Wasabi, Backblaze and others."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from storage_plugins.adapters import s3_credentials
from storage_plugins.adapters.object_store import COMMON_REMEDIES, ObjectStore, Remedies
from storage_plugins.config.model import Model
from storage_plugins.errors import AccessDenied, Archived, ConfigInvalid, StorageFull, Unavailable
from storage_plugins.filesystems.objects import ObjectFileSystem

StorageClass = Literal[
    "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE",
    "OUTPOSTS", "GLACIER_IR", "SNOW", "EXPRESS_ONEZONE",
]  # fmt: skip


class S3Options(s3_credentials.CredentialOptions):
    """Options of the backend `s3`."""

    bucket: str = Field(min_length=1)
    """Name of the bucket."""

    endpoint: str = ""
    """URL of a server that is not Amazon's, for instance `https://minio.hospital:9000`."""

    path_style: bool | None = None
    """Whether the bucket is in the path of the URL and not in the name of the host. By default as the endpoint needs:
    yes with `Endpoint`, no without."""

    storage_class: StorageClass | None = None
    """Storage class of new objects. Those of GLACIER and DEEP_ARCHIVE cannot be read without a restore."""

    encryption: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None = None
    """Encryption by the server. By default what the bucket says."""

    kms_key_id: str = ""
    """Key for `Encryption` aws:kms."""

    bucket_key: bool | None = None
    """Whether `Encryption` aws:kms uses a bucket key, which costs fewer requests to KMS. By default what the bucket
    says."""

    sign_body: bool | None = None
    """Whether the signature of a write covers the body, which costs as much as all the rest of it. By default only
    where there is no TLS that protects it."""

    requester_pays: bool = False
    """Whether we accept to pay for requests to somebody else's bucket."""

    tags: dict[str, str] = Field(default={})
    """Tags of every object that is written."""

    @model_validator(mode="after")
    def _complete(self) -> S3Options:
        if self.kms_key_id and self.encryption not in ("aws:kms", "aws:kms:dsse"):
            msg = 'KmsKeyId needs Encryption "aws:kms" or "aws:kms:dsse"'
            raise ValueError(msg)
        if self.bucket_key is not None and self.encryption != "aws:kms":
            msg = 'BucketKey needs Encryption "aws:kms"'
            raise ValueError(msg)
        if self.verify_foreign and self.engine == "obstore" and self.encryption not in (None, "AES256"):
            msg = f'VerifyForeign with Encryption "{self.encryption}" needs Engine "sdk": the ETag is no MD5'
            raise ValueError(msg)
        return self

    @property
    def body_signed(self) -> bool:
        """See `sign_body`."""
        return self.endpoint.startswith("http://") if self.sign_body is None else self.sign_body

    @property
    def addressed_by_path(self) -> bool:
        """See `path_style`."""
        return bool(self.endpoint) if self.path_style is None else self.path_style


class S3Store(ObjectStore):
    """See the module."""

    Options: ClassVar[type[Model]] = S3Options
    permissions: ClassVar[dict[str, str]] = {
        "write": "s3:PutObject",
        # Amazon answers 403 for what is not there to somebody who may not list.
        "read": "s3:GetObject (and s3:ListBucket, to be told that an object is not there)",
        "delete": "s3:DeleteObject",
        "describe": "s3:GetObject",
        "list": "s3:ListBucket",
    }
    remedies: ClassVar[Remedies] = {
        **COMMON_REMEDIES,
        **s3_credentials.REMEDIES,
        "InvalidObjectState": (Archived, "Restore the object (S3 RestoreObject), then read it again"),
        "AccessDenied": (AccessDenied, "The identity needs on the bucket: {permission}"),
        "InvalidAccessKeyId": (AccessDenied, "The access key is unknown to this server"),
        "SignatureDoesNotMatch": (AccessDenied, "The secret key is not that of the access key"),
        "ExpiredToken": (Unavailable, "The temporary credentials have expired"),
        "RequestTimeTooSkewed": (AccessDenied, "The clock of this machine is wrong: synchronise it"),
        "PermanentRedirect": (ConfigInvalid, "The bucket is in another region"),
        "AuthorizationHeaderMalformed": (ConfigInvalid, "The bucket is in another region"),
        "QuotaExceeded": (StorageFull, ""),
        "XMinioStorageFull": (StorageFull, ""),
        "RequestTimeout": (Unavailable, ""),
        "BadDigest": (Unavailable, ""),
        "XAmzContentSHA256Mismatch": (Unavailable, ""),
        "XAmzContentChecksumMismatch": (Unavailable, ""),
    }

    @classmethod
    def open_filesystem(cls, options: Any) -> ObjectFileSystem:
        """See ObjectStore."""
        return _sdk(options) if options.engine == "sdk" else _obstore(options)


def _obstore(options: S3Options) -> ObjectFileSystem:
    # Each engine is imported when it is used: the other one's packages need not be installed.
    from obstore.store import S3Store as Bucket  # noqa: PLC0415

    from storage_plugins.filesystems.obstore import ObstoreFileSystem  # noqa: PLC0415

    config: dict[str, Any] = {
        "region": options.region,
        "virtual_hosted_style_request": not options.addressed_by_path,
        "request_payer": options.requester_pays,
        # To sign a body takes its SHA-256, which then is the checksum that the server compares as well.
        "checksum_algorithm": "sha256" if options.body_signed else "crc64nvme",
        "disable_bulk_delete": True,
        "unsigned_payload": not options.body_signed,
    }
    if options.endpoint:
        config["endpoint"] = _obstore_endpoint(options)
    if options.encryption:
        config["server_side_encryption"] = options.encryption
    if options.bucket_key is not None:
        config["sse_bucket_key_enabled"] = options.bucket_key
    if options.kms_key_id:
        config["sse_kms_key_id"] = options.kms_key_id
    provider = None
    if options.access_key:
        config |= {"access_key_id": options.access_key, "secret_access_key": options.secret_key}
        if options.session_token:
            config["session_token"] = options.session_token
    if not options.access_key or options.role_arn:
        provider = s3_credentials.for_obstore(options)

    return ObstoreFileSystem(
        Bucket,
        options.bucket,
        config,
        options.settings,
        endpoint=options.endpoint,
        credentials=provider,
        metadata=options.metadata,
        storage_class=options.storage_class,
        tags=options.tags,
    )


def _obstore_endpoint(options: S3Options) -> str:
    """object_store wants the bucket in the name of the endpoint's host when it is not in the path."""
    if options.addressed_by_path:
        return options.endpoint
    scheme, _, host = options.endpoint.partition("://")
    return f"{scheme}://{options.bucket}.{host}"


def _sdk(options: S3Options) -> ObjectFileSystem:
    from storage_plugins.filesystems.s3 import S3FileSystem, open_client  # noqa: PLC0415

    client = open_client(
        s3_credentials.for_sdk(options),
        options.settings,
        region=options.region,
        endpoint=options.endpoint or None,
        by_path=options.addressed_by_path,
        sign_body=options.body_signed,
    )
    extra: dict[str, Any] = {"Metadata": options.metadata}
    common: dict[str, Any] = {}
    if options.storage_class:
        extra["StorageClass"] = options.storage_class
    if options.encryption:
        extra["ServerSideEncryption"] = options.encryption
    if options.kms_key_id:
        extra["SSEKMSKeyId"] = options.kms_key_id
    if options.requester_pays:
        common["RequestPayer"] = "requester"
    return S3FileSystem(
        client,
        options.bucket,
        options.settings,
        extra=extra,
        common=common,
        tags=options.tags,
        bucket_key=options.bucket_key,
    )
