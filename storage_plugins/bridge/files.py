"""Reads without a worker: files of this machine, which Orthanc's threads open by themselves. See docs/adr/0003."""

from __future__ import annotations

import os
from typing import Final

from _orthanc_storage_shim import lib

from storage_plugins.keys import Naming
from storage_plugins.layers.metrics import names
from storage_plugins.metrics import Metrics
from storage_plugins.store import Store

_CONTENT_TYPES: Final = range(4)
_VERBS: Final = {lib.STORAGE_READ_WHOLE: "read", lib.STORAGE_READ_RANGE: "read_range"}


def offer(store: Store, naming: Naming) -> None:
    """Tells the shim where the objects of the store lie, if they are files. Workers read what has too long a path."""
    files = store.files()
    if files is None:
        return
    for content_type in _CONTENT_TYPES:
        place = naming.place(content_type)
        before = os.fsencode(f"{files.folder}/{place.before}")
        attribute = files.size_attribute.encode()
        lib.storage_offer_files(content_type, before, place.folders, place.after.encode(), attribute)


def count(metrics: Metrics) -> None:
    """Adds the reads since the last call. Only those that went well: the store saw the others."""
    for operation, verb in _VERBS.items():
        counts = lib.storage_take_counts(operation)
        metrics.count(names(verb, "success"), counts.nanoseconds / 1e9, counts.bytes, counts.calls)
