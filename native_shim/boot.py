"""Runs inside Orthanc, right after cffi has started: loads the Python side of the plugin.

The build compiles this text into the plugin, followed by a call of `boot`.
"""

from __future__ import annotations

import importlib
import sys
import traceback


def boot() -> None:
    """Loads the Python side, which attaches `storage_python_main`. What goes wrong is told in Orthanc's log."""
    shim = sys.modules["_orthanc_storage_shim"]
    try:
        importlib.import_module("storage_plugins.bridge.runtime")
    except BaseException:
        text = shim.ffi.new("char[]", traceback.format_exc().encode(errors="replace"))
        shim.lib.storage_log(shim.lib.STORAGE_LOG_ERROR, text)
        raise
