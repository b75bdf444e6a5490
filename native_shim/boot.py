"""Runs inside Orthanc, right after Python has started: makes the environment of the build importable.

The build compiles this text into the plugin, followed by a call of `boot` with the folders of that environment.
"""

from __future__ import annotations

import importlib
import site
import sys
import traceback


def boot(site_packages: list[str]) -> None:
    """Loads the Python side, which attaches `storage_python_main`. What goes wrong is told in Orthanc's log."""
    shim = sys.modules["_orthanc_storage_shim"]
    try:
        _make_importable(site_packages)
        importlib.import_module("storage_plugins.bridge.runtime")
    except BaseException:
        text = shim.ffi.new("char[]", traceback.format_exc().encode(errors="replace"))
        shim.lib.storage_log(shim.lib.STORAGE_LOG_ERROR, text)
        raise


def _make_importable(site_packages: list[str]) -> None:
    """Puts the folders first, when they are not there.

    They are not when Python was already running because the orthanc-python plugin came first: then it is not the
    interpreter of our environment, and its packages must not hide ours.
    """
    if set(site_packages) <= set(sys.path):
        return
    before = sys.path[:]
    for folder in site_packages:
        site.addsitedir(folder)
    sys.path[:] = [path for path in sys.path if path not in before] + before
