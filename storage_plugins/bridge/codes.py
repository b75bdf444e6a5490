"""From errors of a store to Orthanc's error codes, which decide what a user or a modality is told.

Orthanc answers HTTP 404 to code 13, 416 to 41, 500 to the others; a C-STORE is refused with 0xA700 for all of them.
The numbers are those of `OrthancPluginErrorCode` in the Orthanc SDK.
"""

from __future__ import annotations

from typing import Final

from storage_plugins import errors

NOT_ENOUGH_MEMORY: Final = 4
STORAGE_AREA_PLUGIN: Final = 32

_CODES: Final[dict[type[errors.StoreError], int]] = {
    errors.NotFound: 13,  # InexistentFile
    errors.RangeInvalid: 41,  # BadRange
    errors.KeyInvalid: 3,  # ParameterOutOfRange
    errors.AccessDenied: STORAGE_AREA_PLUGIN,
    errors.ConfigInvalid: STORAGE_AREA_PLUGIN,
    errors.Archived: STORAGE_AREA_PLUGIN,
    errors.Corrupt: 20,  # CorruptedFile
    errors.StorageFull: 19,  # FullStorage
    errors.Unavailable: STORAGE_AREA_PLUGIN,
}


def code(error: BaseException) -> int:
    """The code for an error that ended a request. Never 0."""
    if isinstance(error, MemoryError):
        return NOT_ENOUGH_MEMORY
    for kind in type(error).__mro__:
        if kind in _CODES:
            return _CODES[kind]
    return STORAGE_AREA_PLUGIN
