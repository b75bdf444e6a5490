"""Runs inside Orthanc, before all else of ours in Python: makes the environment of the build importable.

cffi needs its compiled part from there before boot.py can run. The build compiles this text into the plugin, followed
by a call of `make_importable` with the folders of that environment.
"""

from __future__ import annotations

import site
import sys


def make_importable(site_packages: list[str]) -> None:
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
