"""Python's logging into Orthanc's log."""

from __future__ import annotations

import logging

from _orthanc_storage_shim import ffi, lib

_LEVELS = ((logging.ERROR, lib.STORAGE_LOG_ERROR), (logging.WARNING, lib.STORAGE_LOG_WARNING))


class OrthancHandler(logging.Handler):
    """Writes to Orthanc's log: errors as E, warnings as W, the rest as I."""

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        try:
            level = next((host for least, host in _LEVELS if record.levelno >= least), lib.STORAGE_LOG_INFO)
            text = self.format(record).replace("\0", "")
            lib.storage_log(level, ffi.new("char[]", text.encode(errors="backslashreplace")))
        except Exception:  # noqa: BLE001 - logging must never end a request
            self.handleError(record)


def install() -> None:
    """Sends the log of this package, and warnings of all others, to Orthanc.

    Once, although Orthanc may load the plugin again in the same process.
    """
    if any(isinstance(handler, OrthancHandler) for handler in logging.getLogger().handlers):
        return
    handler = OrthancHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("storage_plugins").setLevel(logging.INFO)
    logging.getLogger("stamina").setLevel(logging.ERROR)  # the retry layer says more
