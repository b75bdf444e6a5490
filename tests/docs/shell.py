"""What a block of shell commands calls, as bash reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import bashlex
import bashlex.ast
import click

from storage_plugins.cli import main

_QUOTED_END: Final = re.compile(r"<<\s*'(\w+)'")
"""Of a here-document. bashlex looks for the end with its quotes."""


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command."""

    words: tuple[str, ...]

    @property
    def program(self) -> str:
        """Its name without a folder."""
        return self.words[0].rpartition("/")[2]


class _Commands(bashlex.ast.nodevisitor):  # type: ignore[misc] # bashlex has no types
    def __init__(self) -> None:
        self.found: list[Command] = []

    def visitcommand(self, _node: object, parts: list[object]) -> None:
        """Takes down the words of a simple command; one that only sets variables has none."""
        words = tuple(str(part.word) for part in parts if getattr(part, "kind", "") == "word")  # type: ignore[attr-defined]
        if words:
            self.found.append(Command(words))


def commands(text: str) -> list[Command]:
    """The simple commands of a block, in order. Raises bashlex's errors for what is no shell."""
    visitor = _Commands()
    for tree in bashlex.parse(_QUOTED_END.sub(r"<<\1", text)):
        visitor.visit(tree)
    return [_beneath(command) for command in visitor.found]


def _beneath(command: Command) -> Command:
    """What is called in the end: sudo and its options are left out."""
    words = command.words
    if command.program == "sudo":
        words = words[3:] if words[1] == "-u" else words[1:]
    return Command(words)


def parse_ours(words: tuple[str, ...]) -> None:
    """Parses the words of an `orthanc-storage` command as it does. Raises click's usage errors."""
    command: click.Command = main
    left = list(words)
    context = click.Context(main)
    while isinstance(command, click.Group):
        name = left.pop(0) if left else ""
        found = command.get_command(context, name)
        if found is None:
            raise click.UsageError(f"no command {name!r}")
        command = found
    context = click.Context(command)
    given, more, _order = command.make_parser(context).parse_args(left)
    if more:
        raise click.UsageError(f"too much: {' '.join(more)}")
    for parameter in command.params:
        value = given.get(parameter.name or "")
        if parameter.required and (not value or not isinstance(value, str | tuple)):
            raise click.UsageError(f"{parameter.name} is missing")
        if value is not None and parameter.nargs == 1 and not isinstance(parameter.type, click.Path | click.File):
            parameter.type_cast_value(context, value)
