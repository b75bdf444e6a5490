"""The sections of the official object-storage plugins 2.5, as sections of ours.

An administrator keeps the configuration and changes the path of the plugin. Keys and meanings are those of the official
plugin's documentation; what we treat differently is said in the log at the start (`Translation.remarks`).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from storage_plugins.errors import ConfigInvalid

_COMMON: Final = {
    "RootPath",
    "StorageStructure",
    "EnableLegacyUnknownFiles",
    "HybridMode",
    "MigrationFromFileSystemEnabled",
    "StorageEncryption",
    "MaxConcurrentInputSize",
}


@dataclass(frozen=True, slots=True)
class Translation:
    """A section of ours, and what to tell the administrator about it."""

    section: Any
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Official:
    backend: str
    keys: frozenset[str]
    required: tuple[str, ...]
    options: Callable[[Mapping[str, Any], list[str]], dict[str, Any]]


def find(values: Mapping[str, Any]) -> str | None:
    """The name of the official section in Orthanc's configuration. Raises ConfigInvalid when there are several."""
    found = [name for name in _SECTIONS if name in values]
    if len(found) > 1:
        msg = f"Orthanc's configuration has the sections {' and '.join(found)}: keep one of them"
        raise ConfigInvalid(msg)
    return found[0] if found else None


def translate(name: str, given: Any) -> Translation:
    """Raises ConfigInvalid when a key is missing or means nothing."""
    if not isinstance(given, dict):
        msg = f"{name}: must be an object"
        raise ConfigInvalid(msg)
    official = _SECTIONS[name]
    remarks: list[str] = []
    for key in given.keys() - official.keys - _COMMON:
        close = difflib.get_close_matches(key, official.keys | _COMMON, n=1, cutoff=0.6)
        hint = f'; did you mean "{close[0]}"?' if close else ""
        remarks.append(f"{name}.{key}: unknown key, ignored{hint}")
    for key in official.required:
        if not given.get(key):
            msg = f"{name}.{key}: missing. It is required"
            raise ConfigInvalid(msg)
    section: dict[str, Any] = {"Backend": official.backend, "Options": official.options(given, remarks)}
    structure = given.get("StorageStructure", "flat")
    if structure not in ("flat", "legacy"):
        msg = f'{name}.StorageStructure: must be "flat" or "legacy"'
        raise ConfigInvalid(msg)
    _refuse_what_is_missing(name, given)
    section["Layout"] = structure
    section["Prefix"] = _prefix(name, given.get("RootPath", ""))
    if "MaxRetries" in given:
        section["Retry"] = {"Attempts": given["MaxRetries"] + 1}
    return Translation(section, tuple(remarks))


def _refuse_what_is_missing(name: str, given: Mapping[str, Any]) -> None:
    """Better no start than files that go where nobody looks for them, or in plain text."""
    encryption = given.get("StorageEncryption")
    for key, wanted in (
        ("HybridMode", given.get("HybridMode", "Disabled") != "Disabled"),
        ("MigrationFromFileSystemEnabled", given.get("MigrationFromFileSystemEnabled", False)),
        ("StorageEncryption", encryption is not None and encryption.get("Enable", True)),
        ("EnableLegacyUnknownFiles", given.get("EnableLegacyUnknownFiles", False)),
    ):
        if wanted:
            msg = f"{name}.{key}: this version cannot do it yet. Turn it off, or keep the official plugin"
            raise ConfigInvalid(msg)


def _prefix(name: str, root: Any) -> str:
    if not isinstance(root, str) or root.startswith("/"):
        msg = f"{name}.RootPath: must be a text that does not start with a slash"
        raise ConfigInvalid(msg)
    return root.rstrip("/")


def _take(given: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {ours: given[theirs] for theirs, ours in names.items() if theirs in given}


def _s3(given: Mapping[str, Any], remarks: list[str]) -> dict[str, Any]:
    options = _take(
        given,
        {
            "BucketName": "Bucket",
            "Region": "Region",
            "AccessKey": "AccessKey",
            "SecretKey": "SecretKey",
            "ConnectTimeout": "ConnectionTimeout",
            "ConnectionTimeout": "ConnectionTimeout",
            "RequestTimeout": "RequestTimeout",
            "MaxConnections": "MaxConnections",
            "TransferPoolSize": "Parallel",
            "StorageClass": "StorageClass",
            "Tags": "Tags",
        },
    )
    endpoint = str(given.get("Endpoint", ""))
    if endpoint:
        options["Endpoint"] = endpoint if "://" in endpoint else f"https://{endpoint}"
    options["PathStyle"] = not given.get("VirtualAddressing", True)
    if "TransferBufferSize" in given:
        options["PartSize"] = max(5, int(given["TransferBufferSize"]))
    if "UseTransferManager" in given:
        remarks.append("AwsS3Storage.UseTransferManager: not needed, objects larger than a part always go in parts")
    if given.get("EnableAwsSdkLogs"):
        remarks.append("AwsS3Storage.EnableAwsSdkLogs: ignored, errors are logged with their cause anyway")
    return options


def _azure(given: Mapping[str, Any], _: list[str]) -> dict[str, Any]:
    return {"CreateContainer": True} | _take(
        given,
        {
            "ConnectionString": "ConnectionString",
            "ContainerName": "Container",
            "CreateContainerIfNotExists": "CreateContainer",
            "AccessTier": "AccessTier",
        },
    )


def _google(given: Mapping[str, Any], _: list[str]) -> dict[str, Any]:
    return _take(given, {"ServiceAccountFile": "ServiceAccountFile", "BucketName": "Bucket"})


_SECTIONS: Final = {
    "AwsS3Storage": _Official(
        "s3",
        frozenset(
            {
                "BucketName", "Region", "AccessKey", "SecretKey", "Endpoint", "ConnectionTimeout", "ConnectTimeout",
                "RequestTimeout", "MaxConnections", "MaxRetries", "VirtualAddressing", "UseTransferManager",
                "TransferPoolSize", "TransferBufferSize", "EnableAwsSdkLogs", "StorageClass", "Tags",
            }
        ),
        ("BucketName", "Region"),
        _s3,
    ),
    "AzureBlobStorage": _Official(
        "azure",
        frozenset({"ConnectionString", "ContainerName", "CreateContainerIfNotExists", "AccessTier"}),
        ("ConnectionString", "ContainerName"),
        _azure,
    ),
    "GoogleCloudStorage": _Official(
        "gcs", frozenset({"ServiceAccountFile", "BucketName"}), ("BucketName",), _google
    ),
}  # fmt: skip
