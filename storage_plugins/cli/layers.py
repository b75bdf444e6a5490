"""What the commands know of the layers' folders, whether Orthanc runs or not."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rich.filesize import decimal

from storage_plugins.compose import Plan
from storage_plugins.disk import look
from storage_plugins.disk.deletions import Deletion
from storage_plugins.disk.look import SpoolContent
from storage_plugins.disk.spool import Entry
from storage_plugins.errors import NotFound
from storage_plugins.store import Store
from storage_plugins.testing.media import read


@dataclass(frozen=True, slots=True)
class Waiting:
    """What was confirmed to Orthanc and has not reached the storage."""

    chosen: Plan
    spool: SpoolContent = field(default_factory=SpoolContent)
    deletions: dict[str, Deletion] = field(default_factory=dict)
    """By key."""

    @classmethod
    def of(cls, chosen: Plan) -> Waiting:
        """As the folders tell it now. Raises a StoreError when they cannot be read."""
        section = chosen.section
        spool = look.spool_content(section.write_behind.path) if section.write_behind else SpoolContent()
        deletions = look.deletions(section.delayed_deletion.path) if section.delayed_deletion else []
        return cls(chosen, spool, {deletion.key: deletion for deletion in deletions})

    def upload(self, key: str) -> Entry | None:
        """The upload of an object that is still to be made. Raises NotFound when the object was deleted."""
        entry = self.spool.newest.get(key)
        if entry is not None and not entry.removed:
            return entry
        if entry is not None:
            msg = f"object {key!r} is not found, its delete is pending in the spool: orthanc-storage spool ls"
            raise NotFound(msg)
        if key in self.deletions:
            msg = f"object {key!r} is not found, its delete is pending: orthanc-storage undelete {key}"
            raise NotFound(msg)
        return None

    def state(self, key: str) -> str:
        """In a word or two, for tables."""
        if (entry := self.spool.newest.get(key)) is not None:
            return "to be deleted" if entry.removed else "to be uploaded"
        return "to be deleted" if key in self.deletions else ""

    def read(self, store: Store, key: str) -> bytes:
        """An object, wherever it is. Raises NotFound and all that a read raises."""
        entry = self.upload(key)
        write_behind = self.chosen.section.write_behind
        if entry is not None and write_behind is not None:
            data = look.read_pending(write_behind.path, entry)
            if data is not None:
                return data
        return bytes(read(store, key))


def age(since: float) -> str:
    """How long ago that was, for people."""
    return span(time.time() - since)


def span(seconds: float) -> str:
    """A time, for people."""
    if seconds < 60:
        return f"{max(0.0, seconds):.0f} s"
    minutes = int(seconds) // 60
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def amount(objects: int, size: int) -> str:
    """So many objects of so many bytes."""
    return f"{objects} {'object' if objects == 1 else 'objects'}, {decimal(size)}"
