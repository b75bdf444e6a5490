"""Options of the layers: what stands between Orthanc and the backend."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from storage_plugins.config.model import HostPath, Model


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


class CacheOptions(Model):
    """Keeps what was read or written on a disk of this machine, so that it is not fetched again."""

    path: HostPath
    """Folder of the cache, for this Orthanc alone. It is created when it does not exist, and may be deleted at any
    time when Orthanc is stopped."""

    maximum_size: int = Field(gt=0)
    """MB. What was not read for the longest time goes first."""

    header_size: int = Field(default=64, ge=0, le=65536)
    """KiB. Where Orthanc asks for a part of an object that ends within so many KiB from its start, as it does for
    tags, all of them are fetched and kept. 0: only what was asked for, and it is not kept."""

    write_through: bool = True
    """Whether what is written is kept, too."""


class WriteBehindOptions(Model):
    """Confirms a write when it is on a disk of this machine, and uploads it in the background."""

    path: HostPath
    """Folder of what is to be uploaded, for this Orthanc alone, on a disk that survives a power cut. It is created when
    it does not exist. Never delete it: what is there is nowhere else."""

    maximum_size: int = Field(gt=0)
    """MB. When so much is pending, writes wait for room."""

    wait_for_room: float = Field(default=20.0, ge=0, le=3600)
    """Seconds that a write waits for room, before Orthanc is told that the storage is full."""

    uploaders: int = Field(default=4, ge=1, le=64)
    """How many objects are uploaded at the same time."""

    longest_wait: float = Field(default=5.0, gt=0, le=3600)
    """Seconds between two attempts at most, while the storage does not answer. There is no last attempt."""

    drain_timeout: float = Field(default=5.0, ge=0, le=3600)
    """Seconds that uploads may take when Orthanc stops, within `StopTimeout`. The rest goes on at the next start."""


class DelayedDeletionOptions(Model):
    """Confirms a delete when it is recorded on a disk of this machine, and deletes in the background, many at once."""

    path: HostPath
    """Folder of the record, for this Orthanc alone, on a disk that survives a power cut. It is created when it does not
    exist. Never delete it: the objects that it names would stay for ever."""

    keep_for: float = Field(default=0.0, ge=0, le=87600)
    """Hours that a deleted object is kept, and can be had back with `orthanc-storage undelete`."""

    batch_size: int = Field(default=1000, ge=1, le=1000)
    """How many objects are deleted with one request, where the storage can."""

    longest_wait: float = Field(default=60.0, gt=0, le=3600)
    """Seconds between two attempts at most, while the storage does not answer. There is no last attempt."""


class CircuitBreakerOptions(Model):
    """Stops asking a storage that does not answer, so that Orthanc's threads do not wait for it."""

    failures: int = Field(default=5, ge=0, le=1000)
    """How many calls must fail one after the other, each with all its attempts. From then on calls fail at once.
    0: never."""

    probe_every: float = Field(default=5.0, gt=0, le=3600)
    """Seconds between two probes of a storage that does not answer. The first one that is answered ends it."""
