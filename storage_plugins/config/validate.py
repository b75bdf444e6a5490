"""Checks configuration against a model, and says in one message what is wrong, where, and what to write instead.

A message never holds a value from the configuration: it might be a secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
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
    location = detail["loc"]
    key = ".".join([where, *(str(part) for part in location)])
    fields = _fields(_around(model, location))
    match detail["type"]:
        case "extra_forbidden":
            close = difflib.get_close_matches(str(location[-1]), fields, n=1, cutoff=0.4)
            hint = f'; did you mean "{close[0]}"?' if close else "."
            return f"{key}: unknown key{hint} Valid keys: {', '.join(fields) or 'none'}"
        case "missing":
            field = fields.get(str(location[-1]))
            description = (field and field.description) or "see the documentation"
            return f"{key}: missing. It is required: {' '.join(description.split())}"
        case "value_error":
            return f"{key}: {detail['msg'].removeprefix('Value error, ')}"
        case "model_type":
            return f"{key}: must be an object, found {_json_name(detail['input'])}"
        case _:
            expected = re.sub(r"^(Input|String|List|Tuple) should", "must", detail["msg"])
            return f"{key}: {expected}, found {_json_name(detail['input'])}"


def _around(model: type[Model], location: tuple[int | str, ...]) -> type[Model]:
    """The model that the last part of a location is a key of."""
    for part in location[:-1]:
        field = _fields(model).get(str(part))
        inner = next(iter(_models(field.annotation)), None) if field is not None else None
        if inner is None:
            break
        model = inner
    return model


def _fields(model: type[Model]) -> dict[str, FieldInfo]:
    return {str(field.alias): field for field in model.model_fields.values()}


def _models(annotation: Any) -> Iterator[type[Model]]:
    """The models among the types that a field may have."""
    for kind in get_args(annotation) or (annotation,):
        if isinstance(kind, type) and issubclass(kind, Model):
            yield kind


def _json_name(value: Any) -> str:
    return "null" if value is None else _JSON_NAMES.get(type(value), "something else")
