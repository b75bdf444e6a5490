"""The section `StoragePlugins` of Orthanc's configuration.

Keys are in CamelCase, as everywhere in Orthanc's configuration. A description of a field becomes its line in
docs/configuration.md.
"""

from __future__ import annotations

import os
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo
from pydantic.alias_generators import to_pascal

from storage_plugins.errors import KeyInvalid
from storage_plugins.keys import Layout, check_key


class Model(BaseModel):
    """Base of all models of the configuration: strict, immutable, and silent about its values."""

    model_config = ConfigDict(
        alias_generator=to_pascal,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        strict=True,
        use_attribute_docstrings=True,
    )


def orthanc_key(name: str) -> dict[str, Any]:
    """For `json_schema_extra`: a field that is not given takes the value of this global key of Orthanc."""
    return {"x-orthanc-key": name}


def _resolve(value: str, info: ValidationInfo) -> str:
    if not value:
        msg = "must not be empty"
        raise ValueError(msg)
    return os.path.normpath(os.path.join((info.context or {}).get("folder", os.curdir), value))


HostPath = Annotated[str, AfterValidator(_resolve)]
"""A path on this machine. A relative one starts at the folder of Orthanc's configuration, as Orthanc's own do."""


def _prefix(value: str) -> str:
    try:
        if value:
            check_key(value)
    except KeyInvalid as error:
        raise ValueError(str(error)) from None
    return value


class Section(Model):
    """How Orthanc stores its files."""

    backend: str = "local"
    """Name of the backend: `local`, `memory`, `fsspec`, or one that another package registers."""

    options: dict[str, Any] = Field(default={}, repr=False)
    """Options of the backend, see below."""

    layout: Annotated[Layout | None, Field(strict=False)] = None
    """How keys are made. `flat`: `<uuid>.dcm`. `legacy`: `ab/cd/<uuid>`, as Orthanc's own disk storage. By default
    what suits the backend: `legacy` for `local`, otherwise `flat`. Changing it makes stored files unreachable."""

    prefix: Annotated[str, AfterValidator(_prefix)] = ""
    """Put before each key, followed by a slash, for instance `archive/site-a`. No slash at its ends."""

    workers: int = Field(default=16, ge=1, le=256)
    """How many requests of Orthanc are served at the same time."""

    stop_timeout: float = Field(default=30.0, ge=0, le=3600)
    """Seconds that running requests may take when Orthanc stops."""
