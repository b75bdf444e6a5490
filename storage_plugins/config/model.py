"""What every model of the configuration is made of.

Keys are in CamelCase, as everywhere in Orthanc's configuration. A description of a field becomes its line in
docs/configuration.md.
"""

from __future__ import annotations

import os
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo
from pydantic.alias_generators import to_pascal


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
