"""The reference of the configuration, written from the models: Markdown for people, JSON Schema for editors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from storage_plugins.config import layers
from storage_plugins.config.model import Model
from storage_plugins.config.orthanc import SECTION
from storage_plugins.config.section import Section

_LAYERS: dict[str, type[Model]] = {
    "Retry": layers.RetryOptions,
    "CircuitBreaker": layers.CircuitBreakerOptions,
    "Cache": layers.CacheOptions,
    "WriteBehind": layers.WriteBehindOptions,
    "DelayedDeletion": layers.DelayedDeletionOptions,
    "StorageEncryption": layers.EncryptionOptions,
}


def markdown(options: Mapping[str, type[Model]]) -> str:
    """docs/configuration.md. `options`: the options of each built-in backend by its name."""
    lines = [
        "# Configuration",
        "",
        "<!-- Written by script/docs from the models in storage_plugins: change the descriptions there. -->",
        "",
        f"All settings are in the section `{SECTION}` of Orthanc's configuration. An unknown key, a wrong type",
        "or a missing value stops Orthanc's start, and the log says which key and what was expected. Without the",
        "section the plugin stays idle.",
        "",
        "```json",
        "{",
        '  "StoragePlugins": {',
        '    "Backend": "local",',
        '    "Options": { "Path": "/var/lib/orthanc/storage" },',
        '    "Workers": 16',
        "  }",
        "}",
        "```",
        "",
        "A JSON Schema for editors is in [configuration.schema.json](configuration.schema.json).",
        "",
        f"## `{SECTION}`",
        "",
        *_table(Section),
    ]
    for name, model in _LAYERS.items():
        lines += ["", f"## `{SECTION}.{name}`", "", (model.__doc__ or "").strip(), "", *_table(model)]
    for name, model in options.items():
        lines += ["", f"## `{SECTION}.Options` of the backend `{name}`", ""]
        lines += _table(model) if model.model_fields else ["This backend has no options."]
    return "\n".join(lines) + "\n"


def schema(options: Mapping[str, type[Model]]) -> dict[str, Any]:
    """The JSON Schema of Orthanc's configuration as far as it is ours."""
    section = Section.model_json_schema()
    section["properties"]["Options"] = {"anyOf": [_schema(model) for model in options.values()]}
    definitions = section.pop("$defs", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {SECTION: section},
        "$defs": definitions,
    }


def _schema(model: type[Model]) -> dict[str, Any]:
    """The schema of a model; a field that Orthanc's own configuration can give is not required."""
    described = model.model_json_schema()
    given = {name for name, field in described["properties"].items() if "x-orthanc-key" in field}
    described["required"] = sorted(set(described.get("required", [])) - given)
    return described


def _table(model: type[Model]) -> Iterator[str]:
    described = _schema(model)
    yield "| key | type | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for name, field in described["properties"].items():
        default = "required" if name in described["required"] else _default(field)
        meaning = " ".join(field.get("description", "").split())
        yield f"| `{name}` | {_type(field)} | {default} | {meaning} |"


def _type(field: Mapping[str, Any]) -> str:
    kind = next(kind for kind in field.get("anyOf", [field]) if kind.get("type") != "null")
    if kind.get("$ref", "").endswith("Options"):
        return "object"
    names = {name: name for name in ("object", "boolean", "number", "array")} | {"integer": "whole number"}
    name = names.get(kind.get("type", ""), "string")
    return f"{name}, {kind['minimum']:g} to {kind['maximum']:g}" if "minimum" in kind else name


def _default(field: Mapping[str, Any]) -> str:
    if "x-orthanc-key" in field:
        return f"Orthanc's `{field['x-orthanc-key']}`"
    match field.get("default"):
        case None:
            return "see meaning"
        case "" | {} | []:
            return "none"
        case value:
            return f"`{json.dumps(value)}`"
