"""The section `StoragePlugins` of Orthanc's configuration."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from storage_plugins.config.layers import (
    CacheOptions,
    CircuitBreakerOptions,
    DelayedDeletionOptions,
    EncryptionOptions,
    RetryOptions,
    WriteBehindOptions,
)
from storage_plugins.config.model import Model, orthanc_key
from storage_plugins.errors import KeyInvalid
from storage_plugins.keys import Layout, check_key


def _prefix(value: str) -> str:
    try:
        if value:
            check_key(value)
    except KeyInvalid as error:
        raise ValueError(str(error)) from None
    return value


class Section(Model):
    """How Orthanc stores its files."""

    backend: str = "local"
    """Name of the backend: `local`, `s3`, `azure`, `gcs`, `memory`, `fsspec`, or one that another package registers."""

    options: dict[str, Any] = Field(default={}, repr=False)
    """Options of the backend, see below."""

    layout: Annotated[Layout | None, Field(strict=False)] = None
    """How keys are made. `flat`: `<uuid>.dcm`. `legacy`: `ab/cd/<uuid>`, as Orthanc's own disk storage. By default
    what suits the backend: `legacy` for `local`, otherwise `flat`. Changing it makes stored files unreachable."""

    prefix: Annotated[str, AfterValidator(_prefix)] = ""
    """Put before each key, followed by a slash, for instance `archive/site-a`. No slash at its ends."""

    hybrid_mode: Literal["Disabled", "WriteToFileSystem", "WriteToObjectStorage"] = "Disabled"
    """Keeps attachments in two places: with the backend, and in Orthanc's `StorageDirectory`, as Orthanc's own disk
    storage writes them. New ones go to the one that is named; what is not found there is read from the other one, and
    both are deleted."""

    enable_legacy_unknown_files: bool = False
    """Whether DICOM until pixel data is also looked for as `<uuid>.unk`, where the official plugins 1.2 to 1.3.2
    wrote it."""

    storage_encryption: EncryptionOptions | None = None
    """Master keys, for an archive that an official plugin has encrypted. See below."""

    read_only: bool = Field(json_schema_extra=orthanc_key("ReadOnly"))
    """Whether writes and deletes are refused."""

    workers: int = Field(default=16, ge=1, le=256)
    """How many requests of Orthanc are served at the same time."""

    stop_timeout: float = Field(default=30.0, ge=0, le=3600)
    """Seconds that running requests may take when Orthanc stops."""

    preflight: bool = True
    """Whether a backend behind a network is tried with a small object before Orthanc starts. When that fails, Orthanc
    does not start, and the log says which verb failed and why."""

    retry: RetryOptions = RetryOptions()
    """When a call is made again, for backends behind a network. See below."""

    circuit_breaker: CircuitBreakerOptions = CircuitBreakerOptions()
    """When calls fail at once, for backends behind a network. See below."""

    cache: CacheOptions | None = None
    """A cache on a disk of this machine. See below."""

    write_behind: WriteBehindOptions | None = None
    """Uploads in the background. See below."""

    delayed_deletion: DelayedDeletionOptions | None = None
    """Deletes in the background. See below."""

    @property
    def encrypted(self) -> bool:
        """Whether attachments are encrypted by the plugin."""
        return self.storage_encryption is not None and self.storage_encryption.enable

    @model_validator(mode="after")
    def _folders_of_their_own(self) -> Section:
        seen: dict[str, str] = {}
        for name, layer in (
            ("Cache", self.cache),
            ("WriteBehind", self.write_behind),
            ("DelayedDeletion", self.delayed_deletion),
        ):
            if layer is not None and (other := seen.setdefault(layer.path, name)) != name:
                msg = f"{name}.Path is the folder of {other}: give each a folder of its own"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _writes_no_plain_text(self) -> Section:
        if self.encrypted and not self.read_only:
            msg = (
                "StorageEncryption is enabled, but this version can only read encrypted attachments, and it does not "
                "write plain text beside them. Set ReadOnly to true, or keep the plugin that wrote them"
            )
            raise ValueError(msg)
        return self
