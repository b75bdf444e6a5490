"""Checks configuration against a model, and says in one message what is wrong, where, and what to write instead.

A message never holds a value from the configuration: it might be a secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from storage_plugins.config.model import Model
from storage_plugins.config.orthanc import OrthancConfiguration
from storage_plugins.errors import ConfigInvalid

M = TypeVar("M", bound=Model)

_JSON_NAMES = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
}


def validate(model: type[M], data: Any, where: str, orthanc: OrthancConfiguration) -> M:
    """`data` as an instance of `model`. `where` is the path of the section, for messages.

    Fields that are absent take the global key of Orthanc that they name, if they name one. Raises ConfigInvalid.
    """
    if not isinstance(data, dict):
        msg = f"{where}: must be an object, found {_json_name(data)}"
        raise ConfigInvalid(msg)
    try:
        return model.model_validate(_with_defaults(model, data, orthanc), context={"folder": orthanc.folder})
    except ValidationError as error:
        found = [_sentence(model, detail, where) for detail in error.errors(include_input=True, include_url=False)]
        raise ConfigInvalid("; ".join(found)) from None


def _with_defaults(model: type[Model], data: Mapping[str, Any], orthanc: OrthancConfiguration) -> dict[str, Any]:
    values = dict(data)
    for field in model.model_fields.values():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and "x-orthanc-key" in extra and field.alias not in values:
            values[str(field.alias)] = orthanc.get(str(extra["x-orthanc-key"]))
    return values


def _sentence(model: type[Model], detail: ErrorDetails, where: str) -> str:
    key = ".".join([where, *(str(part) for part in detail["loc"])])
    fields = {str(field.alias): field for field in model.model_fields.values()}
    match detail["type"]:
        case "extra_forbidden" if len(detail["loc"]) == 1:
            close = difflib.get_close_matches(str(detail["loc"][0]), fields, n=1, cutoff=0.4)
            hint = f'; did you mean "{close[0]}"?' if close else "."
            return f"{key}: unknown key{hint} Valid keys: {', '.join(fields) or 'none'}"
        case "missing":
            field = fields.get(str(detail["loc"][0]))
            return f"{key}: missing. It is required: {(field and field.description) or 'see the documentation'}"
        case "value_error":
            return f"{key}: {detail['msg'].removeprefix('Value error, ')}"
        case _:
            expected = re.sub(r"^(Input|String|List|Tuple) should", "must", detail["msg"])
            return f"{key}: {expected}, found {_json_name(detail['input'])}"


def _json_name(value: Any) -> str:
    return "null" if value is None else _JSON_NAMES.get(type(value), "something else")
