"""The sections of the official object-storage plugins 2.5, as sections of ours.

An administrator keeps the configuration and changes the path of the plugin. Keys and meanings are those of the official
plugins' documentation; what we treat differently is said in the log at the start (`Translation.remarks`), and what has
another default is in docs/official-plugins.md.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from storage_plugins.errors import ConfigInvalid

OURS: Final = "StoragePlugins"
"""Name of our section."""


@dataclass(frozen=True, slots=True)
class Translation:
    """A section of ours, and what to tell the administrator about it."""

    section: Any
    remarks: tuple[str, ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    """Paths of ours and what they are called in the section that was given, longest first."""

    def in_their_words(self, message: str) -> str:
        """A message about our section, for somebody who has written the other one."""
        for ours, theirs in self.names:
            message = re.sub(rf"\b{re.escape(ours)}\b", theirs, message)
        return message


@dataclass(frozen=True, slots=True)
class _Official:
    backend: str
    keys: Mapping[str, str]
    """Where each key goes in our section, as a path. "": nowhere."""

    required: tuple[str, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Where the official plugin's default is to hold and ours is another one."""


def find(values: Mapping[str, Any]) -> str | None:
    """The name of the official section in Orthanc's configuration. Raises ConfigInvalid when there are several."""
    found = [name for name in SECTIONS if name in values]
    if len(found) > 1:
        msg = f"Orthanc's configuration has the sections {' and '.join(found)}: keep one of them"
        raise ConfigInvalid(msg)
    return found[0] if found else None


def translate(name: str, given: Any) -> Translation:
    """Raises ConfigInvalid when a key is missing or means nothing."""
    if not isinstance(given, dict):
        msg = f"{name}: must be an object"
        raise ConfigInvalid(msg)
    official = SECTIONS[name]
    for key in official.required:
        if not given.get(key):
            msg = f"{name}.{key}: missing. It is required"
            raise ConfigInvalid(msg)
    section: dict[str, Any] = {"Backend": official.backend}
    for key, path in official.keys.items():
        value = given.get(key, official.defaults.get(key))
        if not path or value is None:
            continue
        try:
            _put(section, path, _CONVERTED[key](value) if key in _CONVERTED else value)
        except ValueError as error:
            msg = f"{name}.{key}: {error}"
            raise ConfigInvalid(msg) from None
    return Translation(section, tuple(_remarks(name, official, given)), _names(name, official))


def _put(section: dict[str, Any], path: str, value: Any) -> None:
    *folders, last = path.split(".")
    for folder in folders:
        section = section.setdefault(folder, {})
    section[last] = value


def _remarks(name: str, official: _Official, given: Mapping[str, Any]) -> list[str]:
    remarks = []
    for key in given:
        if key not in official.keys:
            close = difflib.get_close_matches(key, official.keys, n=1, cutoff=0.6)
            hint = f'; did you mean "{close[0]}"?' if close else ""
            remarks.append(f"{name}.{key}: unknown key, ignored{hint}")
        elif key in REMARKS:
            remarks.append(f"{name}.{key}: {REMARKS[key]}")
    encryption = given.get("StorageEncryption")
    if isinstance(encryption, dict) and "MaxConcurrentInputSize" in encryption:
        remarks.append(f"{name}.StorageEncryption.MaxConcurrentInputSize: ignored, Workers bounds the memory")
    return remarks


def _names(name: str, official: _Official) -> tuple[tuple[str, str], ...]:
    names = {f"{OURS}.{path}": f"{name}.{key}" for key, path in official.keys.items() if path}
    names |= {f"{OURS}.Options": name, f"{OURS}.Retry": name, OURS: name}
    return tuple(sorted(names.items(), key=lambda pair: -len(pair[0])))


def _root(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("/"):
        msg = "must not start with a slash"
        raise ValueError(msg)
    return value.rstrip("/") if isinstance(value, str) else value


def _url(value: Any) -> Any:
    return f"https://{value}" if isinstance(value, str) and value and "://" not in value else value


def _one_more(value: Any) -> Any:
    return value + 1 if type(value) is int else value


def _negated(value: Any) -> Any:
    return not value if isinstance(value, bool) else value


def _at_least_5(value: Any) -> Any:
    return max(5, value) if type(value) is int else value


def _hybrid(enabled: Any) -> str:
    if enabled is not True and enabled is not False:
        msg = "must be true or false"
        raise ValueError(msg)
    return "WriteToObjectStorage" if enabled else "Disabled"


# What is none of our business when its type is wrong is passed on: the model of our section says what is expected.
_CONVERTED: Final[dict[str, Callable[[Any], Any]]] = {
    "RootPath": _root,
    "MigrationFromFileSystemEnabled": _hybrid,
    "Endpoint": _url,
    "VirtualAddressing": _negated,
    "MaxRetries": _one_more,
    "TransferBufferSize": _at_least_5,
}

REMARKS: Final = {
    "UseTransferManager": "not needed, an object that is larger than TransferBufferSize always goes in parts",
    "EnableAwsSdkLogs": "ignored, errors are logged with their cause",
    "MigrationFromFileSystemEnabled": "the old name of HybridMode WriteToObjectStorage; HybridMode goes before it",
}
"""Keys that are treated differently, or not at all."""

_COMMON: Final = {
    "RootPath": "Prefix",
    "StorageStructure": "Layout",
    "EnableLegacyUnknownFiles": "EnableLegacyUnknownFiles",
    "MigrationFromFileSystemEnabled": "HybridMode",
    "HybridMode": "HybridMode",  # after its old name: the later one holds
    "StorageEncryption": "StorageEncryption",
}
_FLAT: Final = {"StorageStructure": "flat"}

SECTIONS: Final = {
    "AwsS3Storage": _Official(
        "s3",
        {
            "BucketName": "Options.Bucket",
            "Region": "Options.Region",
            "AccessKey": "Options.AccessKey",
            "SecretKey": "Options.SecretKey",
            "Endpoint": "Options.Endpoint",
            "ConnectTimeout": "Options.ConnectionTimeout",
            "ConnectionTimeout": "Options.ConnectionTimeout",
            "RequestTimeout": "Options.RequestTimeout",
            "MaxConnections": "Options.MaxConnections",
            "MaxRetries": "Retry.Attempts",
            "VirtualAddressing": "Options.PathStyle",
            "UseTransferManager": "",
            "TransferPoolSize": "Options.Parallel",
            "TransferBufferSize": "Options.PartSize",
            "EnableAwsSdkLogs": "",
            "StorageClass": "Options.StorageClass",
            "Tags": "Options.Tags",
            **_COMMON,
        },
        ("BucketName", "Region"),
        {"VirtualAddressing": True, "MaxRetries": 10, "TransferPoolSize": 10, "TransferBufferSize": 5, **_FLAT},
    ),
    "AzureBlobStorage": _Official(
        "azure",
        {
            "ConnectionString": "Options.ConnectionString",
            "ContainerName": "Options.Container",
            "CreateContainerIfNotExists": "Options.CreateContainer",
            "AccessTier": "Options.AccessTier",
            **_COMMON,
        },
        ("ConnectionString", "ContainerName"),
        {"CreateContainerIfNotExists": True, **_FLAT},
    ),
    "GoogleCloudStorage": _Official(
        "gcs",
        {"ServiceAccountFile": "Options.ServiceAccountFile", "BucketName": "Options.Bucket", **_COMMON},
        ("BucketName",),
        _FLAT,
    ),
}
"""The official sections by name."""
