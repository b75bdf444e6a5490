"""Sharing a process with the orthanc-python plugin.

That plugin embeds the same interpreter. Loaded before ours, both work. Loaded after ours, its start would abort the
whole process, because it takes for granted that it was the one to initialise Python. So that order is refused here,
with the line to move.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator

from storage_plugins.config.orthanc import OrthancConfiguration
from storage_plugins.errors import ConfigInvalid

_ITS_NAME = b"python"


def check(configuration: OrthancConfiguration, own_path: str) -> None:
    """Raises ConfigInvalid when Orthanc is going to load orthanc-python, with a script to run, after us."""
    if not (configuration.values.get("PythonScript") or configuration.values.get("Python")):
        return  # it stays idle
    own = os.path.realpath(own_path)
    after_us = False
    for entry, path in _plugins(configuration):
        if os.path.realpath(path) == own:
            after_us = True
        elif after_us and _is_orthanc_python(path):
            msg = (
                f'the orthanc-python plugin must be loaded before this one: in "Plugins", '
                f"{_move(entry, path, own_path)}"
            )
            raise ConfigInvalid(msg)


def _move(entry: str, path: str, own_path: str) -> str:
    if entry == os.path.dirname(path) or os.path.isdir(entry):
        return f'the folder "{entry}" is loaded in no fixed order: put a line "{path}" before it'
    return f'move the line "{entry}" above "{own_path}"'


def _plugins(configuration: OrthancConfiguration) -> Iterator[tuple[str, str]]:
    """The entries of "Plugins" and the libraries they stand for, in the order in which Orthanc loads them.

    A folder is read in the order in which the file system gives it, by Orthanc and by os.listdir alike.
    """
    entries = configuration.get("Plugins") or []
    for entry in entries if isinstance(entries, list) else []:
        path = os.path.join(configuration.folder, str(entry))
        if os.path.isdir(path):
            for name in os.listdir(path):
                if name.endswith(".so"):
                    yield str(entry), os.path.join(path, name)
        else:
            yield str(entry), path


def _is_orthanc_python(path: str) -> bool:
    try:
        name = ctypes.CDLL(path, mode=os.RTLD_LAZY | os.RTLD_LOCAL).OrthancPluginGetName
        name.restype = ctypes.c_char_p
        return bool(name() == _ITS_NAME)
    except (OSError, AttributeError):
        return False  # not a plugin: Orthanc will say so
