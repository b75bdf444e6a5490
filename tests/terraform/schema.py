"""The schema of a provider: which attributes and blocks its resource types have.

A file of `schemas/` is one provider. An attribute is one line, `FLAGS TYPE`: the flags are r (required), o (optional)
and c (computed), the type is written as in Terraform's own language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeAlias

FOLDER = Path(__file__).parent / "schemas"
PROVIDERS = ("aws", "azurerm", "google")

TypeConstraint: TypeAlias = Any
"""A type as the protocol writes it in JSON: "string", ["list", "string"], ["object", {"name": "string"}] ..."""

_TOKEN = re.compile(r"\w+|[(){}=,]")


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute."""

    type: TypeConstraint
    required: bool = False
    optional: bool = False
    computed: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """From its line."""
        flags, _, kind = text.partition(" ")
        return cls(parse_type(kind), "r" in flags, "o" in flags, "c" in flags)

    def __str__(self) -> str:
        flags = "r" * self.required + "o" * self.optional + "c" * self.computed
        return f"{flags} {format_type(self.type)}"


@dataclass(frozen=True, slots=True)
class Nested:
    """A block in a block: how often it may stand there, and what is in it."""

    nesting: str
    """`single`, `list`, `set` or `map`."""

    least: int
    most: int
    """0: as often as one likes."""

    block: Block


@dataclass(frozen=True, slots=True)
class Block:
    """Attributes and blocks."""

    attributes: dict[str, Attribute] = field(default_factory=dict)
    blocks: dict[str, Nested] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: dict[str, Any]) -> Self:
        """From the value in the file: a string is an attribute, an object a block."""
        attributes = {name: Attribute.parse(value) for name, value in data.items() if isinstance(value, str)}
        blocks = {}
        for name, value in data.items():
            if isinstance(value, dict):
                nesting, least, most = value["nesting"].split()
                blocks[name] = Nested(nesting, int(least), int(most), Block.parse(value["block"]))
        return cls(attributes, blocks)

    def data(self) -> dict[str, Any]:
        """For the file."""
        found: dict[str, Any] = {name: str(attribute) for name, attribute in self.attributes.items()}
        for name, nested in self.blocks.items():
            nesting = f"{nested.nesting} {nested.least} {nested.most}"
            found[name] = {"nesting": nesting, "block": nested.block.data()}
        return dict(sorted(found.items()))


@dataclass(slots=True)
class Provider:
    """What one provider knows."""

    name: str
    version: str
    configuration: Block
    resources: dict[str, Block]
    data_sources: dict[str, Block]

    @classmethod
    def load(cls, name: str) -> Self:
        """From its file."""
        data = json.loads((FOLDER / f"{name}.json").read_text())
        resources, sources = (
            {kind: Block.parse(block) for kind, block in data[part].items()} for part in ("resources", "data_sources")
        )
        return cls(name, data["version"], Block.parse(data["configuration"]), resources, sources)

    def save(self) -> None:
        """To its file."""
        parts = {
            part: {kind: block.data() for kind, block in sorted(blocks.items())}
            for part, blocks in (("resources", self.resources), ("data_sources", self.data_sources))
        }
        data = {"version": self.version, "configuration": self.configuration.data(), **parts}
        (FOLDER / f"{self.name}.json").write_text(json.dumps(data, indent=1) + "\n")


def parse_type(text: str) -> TypeConstraint:
    """`list(string)` as the protocol has it."""
    tokens = iter(_TOKEN.findall(text))
    return _parse(next(tokens), tokens)


def _parse(word: str, tokens: Iterator[str]) -> TypeConstraint:
    if word not in {"list", "set", "map", "object"}:
        return word
    next(tokens)  # (
    if word != "object":
        inner = _parse(next(tokens), tokens)
        next(tokens)  # )
        return [word, inner]
    next(tokens)  # {
    members = {}
    while (name := next(tokens)) != "}":
        if name == ",":
            continue
        next(tokens)  # =
        members[name] = _parse(next(tokens), tokens)
    next(tokens)  # )
    return [word, members]


def format_type(kind: TypeConstraint) -> str:
    """The other way round."""
    if isinstance(kind, str):
        return kind
    word, inner = kind
    if word != "object":
        return f"{word}({format_type(inner)})"
    return f"object({{{', '.join(f'{name}={format_type(value)}' for name, value in sorted(inner.items()))}}})"
