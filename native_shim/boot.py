"""Runs inside Orthanc, right after Python has started: makes the environment of the build importable.

This text is compiled into the plugin. `SITE_PACKAGES` is put before it by the build.
"""

import site
import sys

# Python was already running when the orthanc-python plugin came first; then it is not the interpreter of our
# environment, and its own packages must not hide ours.
if not set(SITE_PACKAGES) <= set(sys.path):  # noqa: F821 - see above
    before = sys.path[:]
    for folder in SITE_PACKAGES:  # noqa: F821
        site.addsitedir(folder)
    sys.path[:] = [path for path in sys.path if path not in before] + before

try:
    import storage_plugins.bridge.runtime  # noqa: F401 - attaches storage_python_main
except BaseException:
    import traceback

    from _orthanc_storage_shim import ffi, lib

    lib.storage_log(lib.STORAGE_LOG_ERROR, ffi.new("char[]", traceback.format_exc().encode(errors="replace")))
    raise
