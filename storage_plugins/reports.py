"""What layers report of themselves, as people read it: keys in CamelCase, like the configuration of the same layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.alias_generators import to_pascal

_YES_OR_NO = frozenset({"open", "failing"})


def for_people(reports: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """An object for each layer."""
    return {
        to_pascal(subject): {to_pascal(name): _value(name, value) for name, value in report.items()}
        for subject, report in reports.items()
    }


def _value(name: str, value: float) -> Any:
    if name in _YES_OR_NO:
        return bool(value)
    return round(value, 3) if isinstance(value, float) else value
