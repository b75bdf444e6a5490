"""The section `StoragePlugins` of Orthanc's configuration.

Keys are in CamelCase, as everywhere in Orthanc's configuration. A description of a field becomes its line in
docs/configuration.md.
"""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator
from pydantic.alias_generators import to_pascal

from storage_plugins.errors import KeyInvalid
from storage_plugins.keys import Layout, check_key


class Model(BaseModel):
    """Base of all models of the configuration: strict, immutable, and silent about its values."""

    model_config = ConfigDict(
        alias_generator=to_pascal,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        strict=True,
        use_attribute_docstrings=True,
    )


def orthanc_key(name: str) -> dict[str, Any]:
    """For `json_schema_extra`: a field that is not given takes the value of this global key of Orthanc."""
    return {"x-orthanc-key": name}


def _resolve(value: str, info: ValidationInfo) -> str:
    if not value:
        msg = "must not be empty"
        raise ValueError(msg)
    return os.path.normpath(os.path.join((info.context or {}).get("folder", os.curdir), value))


HostPath = Annotated[str, AfterValidator(_resolve)]
"""A path on this machine. A relative one starts at the folder of Orthanc's configuration, as Orthanc's own do."""


def _prefix(value: str) -> str:
    try:
        if value:
            check_key(value)
    except KeyInvalid as error:
        raise ValueError(str(error)) from None
    return value


class RetryOptions(Model):
    """When a call is made again after an error that may pass: throttling, a server error, a lost connection."""

    attempts: int = Field(default=8, ge=1, le=1000)
    """How often a call is made at most, the first time included."""

    deadline: float = Field(default=30.0, gt=0, le=86400)
    """Seconds after which no further attempt is made, and one more for each MiB of the file. A modality waits
    that long."""

    first_wait: float = Field(default=0.1, ge=0, le=3600)
    """Seconds to wait before the second attempt. Each further wait is twice as long, and a little more by chance."""

    longest_wait: float = Field(default=5.0, ge=0, le=3600)
    """Seconds to wait at most, unless the server asks for more."""


MasterKey = Annotated[tuple[Annotated[int, Field(ge=0, lt=1 << 32)], HostPath], Field(strict=False)]


class EncryptionOptions(Model):
    """Encryption by the plugin, as the official object-storage plugins have it. It can be read, and not yet written."""

    enable: bool = True
    """Whether the attachments are encrypted."""

    master_key: MasterKey | None = None
    """Number of the key, and a file that holds it: 32 bytes in base64."""

    previous_master_keys: list[MasterKey] = Field(default=[])
    """Keys that older attachments were encrypted with."""

    max_concurrent_input_size: float = Field(default=1024, gt=0)
    """Of no effect: `Workers` says how many attachments are in memory at the same time."""

    @model_validator(mode="after")
    def _complete(self) -> EncryptionOptions:
        if self.enable and self.master_key is None:
            msg = 'MasterKey is missing: give the number and the file of the key, or set "Enable" to false'
            raise ValueError(msg)
        if len(self.files) < len(self._all()):
            msg = "two master keys have the same number"
            raise ValueError(msg)
        return self

    @property
    def files(self) -> dict[int, str]:
        """The files of all keys by number."""
        return dict(self._all())

    def _all(self) -> list[tuple[int, str]]:
        return [*self.previous_master_keys, *([self.master_key] if self.master_key else [])]


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

    @property
    def encrypted(self) -> bool:
        """Whether attachments are encrypted by the plugin."""
        return self.storage_encryption is not None and self.storage_encryption.enable

    @model_validator(mode="after")
    def _writes_no_plain_text(self) -> Section:
        if self.encrypted and not self.read_only:
            msg = (
                "StorageEncryption is enabled, but this version can only read encrypted attachments, and it does not "
                "write plain text beside them. Set ReadOnly to true, or keep the plugin that wrote them"
            )
            raise ValueError(msg)
        return self
