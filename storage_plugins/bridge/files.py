"""Writes and reads without a worker: files of this machine, by Orthanc's own threads. See docs/adr/0003."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from _orthanc_storage_shim import ffi, lib

from storage_plugins.keys import Naming
from storage_plugins.layers.metrics import names
from storage_plugins.metrics import Metrics
from storage_plugins.store import SealedFiles, Store

_VERBS: Final = {
    lib.STORAGE_CREATE: "put",
    lib.STORAGE_READ_WHOLE: "read",
    lib.STORAGE_READ_RANGE: "read_range",
}


class DirectFiles:
    """The files of one running store."""

    def __init__(self, store: Store, naming: Naming) -> None:
        """Tells the shim where objects of the store lie, if they are files. Workers serve what has too long a path."""
        files = store.files()
        if files is None:
            return
        self._served = files.served if isinstance(files, SealedFiles) else None
        place = naming.place()
        suffixes = [ffi.new("char[]", suffix.encode()) for suffix in place.suffixes]
        where = (os.fsencode(files.folder), os.fsencode(place.prefix), place.folders, suffixes)
        if isinstance(files, SealedFiles):
            lib.storage_offer_sealed_files(*where)
        else:
            lib.storage_offer_files(*where, files.size_attribute.encode(), files.sync)

    _served: Callable[[int], None] | None = None

    def count(self, metrics: Metrics) -> None:
        """Adds what was done since the last call. Only what went well: the store saw the rest."""
        for operation, verb in _VERBS.items():
            counts = lib.storage_take_counts(operation)
            metrics.count(names(verb, "success"), counts.nanoseconds / 1e9, counts.bytes, counts.calls)
            if self._served is not None:
                self._served(counts.calls)
