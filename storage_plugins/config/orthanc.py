"""Orthanc's configuration around our section: where it comes from and what else of it we honour."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import json5

from storage_plugins.config import official
from storage_plugins.errors import ConfigInvalid

SECTION = official.OURS
"""Name of our section."""

_DEFAULTS = {"StorageDirectory": "OrthancStorage", "SyncStorageArea": True, "ReadOnly": False}
# Orthanc replaces ${NAME} and ${NAME:-default} by environment variables in its configuration files.
_VARIABLE = re.compile(r"\$\{([^{}:]+)(?::-([^{}]*))?\}")


@dataclass(frozen=True, slots=True)
class OrthancConfiguration:
    """The whole configuration, and the folder that relative paths in it start from."""

    values: Mapping[str, Any]
    folder: str

    @classmethod
    def from_host(cls, text: str, path: str) -> OrthancConfiguration:
        """As Orthanc hands it to a plugin. `path`: the file or folder it was read from, "" when there is none."""
        folder = path if not path or os.path.isdir(path) else os.path.dirname(path)
        return cls(_object(json.loads(text), "Orthanc's configuration"), os.path.abspath(folder or os.curdir))

    @classmethod
    def from_file(cls, path: Path) -> OrthancConfiguration:
        """From a file, or a folder of files, as Orthanc reads it: comments and ${VARIABLES} allowed, no key twice.

        Raises ConfigInvalid.
        """
        values: dict[str, Any] = {}
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        for file in files:
            try:
                text = _VARIABLE.sub(lambda m: os.environ.get(m[1], m[2] or ""), file.read_text(encoding="utf-8"))
                read = json5.loads(text)
            except (OSError, ValueError) as error:
                msg = f"cannot read the configuration {file}: {error}"
                raise ConfigInvalid(msg) from error
            added = _object(read, str(file))
            if twice := values.keys() & added.keys():
                msg = f'{file}: "{min(twice)}" is in another file of the folder, too. Orthanc would not start: keep one'
                raise ConfigInvalid(msg)
            values |= added
        return cls(values, str((path if path.is_dir() else path.parent).resolve()))

    def get(self, key: str) -> Any:
        """A global key of Orthanc, with Orthanc's default."""
        return self.values.get(key, _DEFAULTS.get(key))

    def has_section(self) -> bool:
        """Whether there is our section or an official plugin's. Raises ConfigInvalid when only a misspelt one is."""
        if SECTION in self.values or official.find(self.values) is not None:
            return True
        for key in self.values:
            if difflib.SequenceMatcher(None, key.lower(), SECTION.lower()).ratio() > 0.85:
                msg = f'unknown section "{key}" in Orthanc\'s configuration: did you mean "{SECTION}"?'
                raise ConfigInvalid(msg)
        return False

    def section(self) -> official.Translation:
        """Our section, not yet checked, or what takes its place. Raises ConfigInvalid when there is none."""
        if not self.has_section():
            msg = f'Orthanc\'s configuration has no section "{SECTION}"'
            raise ConfigInvalid(msg)
        if SECTION in self.values:
            return official.Translation(self.values[SECTION])
        name = official.find(self.values) or ""
        return official.translate(name, self.values[name])


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        msg = f"{what} must be a JSON object"
        raise ConfigInvalid(msg)
    return value
