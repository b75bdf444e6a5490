"""Writes and reads without a worker: files of this machine, by Orthanc's own threads. See docs/adr/0003."""

from __future__ import annotations

import os
from typing import Final

from _orthanc_storage_shim import ffi, lib

from storage_plugins.keys import Naming
from storage_plugins.layers.metrics import names
from storage_plugins.metrics import Metrics
from storage_plugins.store import Store

_VERBS: Final = {
    lib.STORAGE_CREATE: "put",
    lib.STORAGE_READ_WHOLE: "read",
    lib.STORAGE_READ_RANGE: "read_range",
}


def offer(store: Store, naming: Naming) -> None:
    """Tells the shim where the objects of the store lie, if they are files. Workers serve what has too long a path."""
    files = store.files()
    if files is None:
        return
    place = naming.place()
    suffixes = [ffi.new("char[]", suffix.encode()) for suffix in place.suffixes]
    lib.storage_offer_files(
        os.fsencode(files.folder),
        os.fsencode(place.prefix),
        place.folders,
        suffixes,
        files.size_attribute.encode(),
        files.sync,
    )


def count(metrics: Metrics) -> None:
    """Adds what was done since the last call. Only what went well: the store saw the rest."""
    for operation, verb in _VERBS.items():
        counts = lib.storage_take_counts(operation)
        metrics.count(names(verb, "success"), counts.nanoseconds / 1e9, counts.bytes, counts.calls)
