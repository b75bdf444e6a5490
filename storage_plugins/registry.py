"""Names of backends. The only place that knows the built-in ones."""

from __future__ import annotations

import difflib
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from storage_plugins.backend import Backend
from storage_plugins.errors import ConfigInvalid

GROUP = "storage_plugins.backends"
"""Entry-point group in which other packages offer backends."""

BUILT_IN = {
    "local": "storage_plugins.adapters.local:LocalStore",
    "memory": "storage_plugins.adapters.memory:MemoryStore",
    "s3": "storage_plugins.adapters.s3:S3Store",
    "azure": "storage_plugins.adapters.azure:AzureStore",
    "gcs": "storage_plugins.adapters.gcs:GcsStore",
    "fsspec": "storage_plugins.adapters.fsspec_store:FsspecStore",
}


def names() -> list[str]:
    """The names of all backends, built-in ones first."""
    return [*BUILT_IN, *sorted(set(_others()) - set(BUILT_IN))]


def find(name: str) -> type[Backend]:
    """The class of a backend. Raises ConfigInvalid when there is none, or when it cannot be loaded."""
    others = {} if name in BUILT_IN else _others()
    if name not in BUILT_IN and name not in others:
        close = difflib.get_close_matches(name, names(), n=1)
        hint = f'; did you mean "{close[0]}"?' if close else "."
        msg = f'there is no backend "{name}"{hint} Known backends: {", ".join(names())}'
        raise ConfigInvalid(msg)
    path = BUILT_IN[name] if name in BUILT_IN else others[name].value
    module, _, attribute = path.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        msg = f'the backend "{name}" ({path}) cannot be loaded: {error}. Install the package that it needs'
        raise ConfigInvalid(msg) from error
    if not (isinstance(found, type) and issubclass(found, Backend)):
        msg = f'the backend "{name}" ({path}) is not a subclass of storage_plugins.Backend'
        raise ConfigInvalid(msg)
    return found


def _others() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
