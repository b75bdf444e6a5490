"""Google Cloud Storage."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, model_validator

from storage_plugins.adapters import gcs_credentials
from storage_plugins.adapters.object_store import COMMON_REMEDIES, ObjectOptions, ObjectStore, Remedies
from storage_plugins.config.model import HostPath, Model
from storage_plugins.errors import AccessDenied, ConfigInvalid
from storage_plugins.filesystems.objects import ObjectFileSystem


class GcsOptions(ObjectOptions):
    """Options of the backend `gcs`."""

    bucket: str = Field(min_length=1)
    """Name of the bucket."""

    service_account_file: HostPath | None = None
    """Key file (JSON) of a service account. Without one, the application default credentials: the variable
    GOOGLE_APPLICATION_CREDENTIALS, gcloud's login, workload identity, or the machine's service account."""

    endpoint: str = ""
    """URL of a server that is not Google's."""

    anonymous: bool = False
    """Whether requests carry no credentials, for a server on this machine or a public bucket."""

    storage_class: str = ""
    """Storage class of new objects, such as NEARLINE. All of them can be read at once."""

    kms_key: str = ""
    """Key of new objects, `projects/./locations/./keyRings/./cryptoKeys/.`. Needs `Engine` sdk; the default key of a
    bucket needs nothing."""

    user_project: str = ""
    """Project that pays for requests to somebody else's bucket."""

    @model_validator(mode="after")
    def _complete(self) -> GcsOptions:
        if self.kms_key and self.engine == "obstore":
            msg = 'KmsKey needs Engine "sdk"'
            raise ValueError(msg)
        return self


_DENIED = (
    AccessDenied,
    'The identity needs the role "Storage Object User" on the bucket, or at least {permission}',
)


class GcsStore(ObjectStore):
    """See the module."""

    Options: ClassVar[type[Model]] = GcsOptions
    permissions: ClassVar[dict[str, str]] = {
        "write": "storage.objects.create",
        "read": "storage.objects.get",
        "delete": "storage.objects.delete",
        "describe": "storage.objects.get",
        "list": "storage.objects.list",
    }
    remedies: ClassVar[Remedies] = {
        **COMMON_REMEDIES,
        **gcs_credentials.REMEDIES,
        "AccessDenied": _DENIED,
        "forbidden": _DENIED,
        "UserProjectMissing": (ConfigInvalid, "The bucket is requester pays: give UserProject"),
    }

    @classmethod
    def open_filesystem(cls, options: Any) -> ObjectFileSystem:
        """See ObjectStore."""
        return _sdk(options) if options.engine == "sdk" else _obstore(options)


def _obstore(options: GcsOptions) -> ObjectFileSystem:
    from obstore.store import GCSStore as Bucket  # noqa: PLC0415

    from storage_plugins.filesystems.obstore import ObstoreFileSystem  # noqa: PLC0415

    config: dict[str, Any] = {}
    if options.endpoint:
        config["base_url"] = options.endpoint
    if options.anonymous:
        config["skip_signature"] = True  # object_store heeds it when it reads, and asks for a token when it writes
        provider = gcs_credentials.nobody
    else:
        provider = gcs_credentials.for_obstore(options.service_account_file, options.settings)
    return ObstoreFileSystem(
        Bucket,
        options.bucket,
        config,
        options.settings,
        endpoint=options.endpoint,
        credentials=provider,
        metadata=options.metadata,
        storage_class=options.storage_class,
        headers={"x-goog-user-project": options.user_project} if options.user_project else None,
    )


def _sdk(options: GcsOptions) -> ObjectFileSystem:
    from storage_plugins.filesystems.gcs import GcsFileSystem, open_bucket  # noqa: PLC0415

    key_file, settings = options.service_account_file, options.settings
    bucket = open_bucket(
        options.bucket,
        gcs_credentials.anonymous() if options.anonymous else gcs_credentials.for_sdk(key_file, settings),
        settings,
        endpoint=options.endpoint or None,
        user_project=options.user_project or None,
    )
    return GcsFileSystem(
        bucket,
        options.settings,
        metadata=options.metadata,
        storage_class=options.storage_class or None,
        kms_key=options.kms_key or None,
    )
