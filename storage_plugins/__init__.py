"""A storage area for Orthanc: stores, the layers over them, and the bridge to the plugin."""

from storage_plugins.backend import Backend
from storage_plugins.config.model import Model
from storage_plugins.errors import (
    AccessDenied,
    ConfigInvalid,
    Corrupt,
    KeyInvalid,
    NotFound,
    RangeInvalid,
    StorageFull,
    StoreError,
    Unavailable,
)
from storage_plugins.store import Allocate, Buffer, Layer, ObjectInfo, Store

__all__ = [
    "AccessDenied",
    "Allocate",
    "Backend",
    "Buffer",
    "ConfigInvalid",
    "Corrupt",
    "KeyInvalid",
    "Layer",
    "Model",
    "NotFound",
    "ObjectInfo",
    "RangeInvalid",
    "StorageFull",
    "Store",
    "StoreError",
    "Unavailable",
]
