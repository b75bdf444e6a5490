"""The option that says which configuration a command works on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from storage_plugins import compose
from storage_plugins.compose import Plan
from storage_plugins.config.orthanc import OrthancConfiguration
from storage_plugins.errors import StoreError

DEFAULT = Path("/etc/orthanc")

configuration_option: Callable[[Any], Any] = click.option(
    "-c",
    "--config",
    "configuration",
    type=click.Path(exists=True, path_type=Path),
    default=DEFAULT,
    show_default=True,
    help="Orthanc's configuration: a file, or a folder of files.",
)


def console() -> Console:
    """Where tables go. What is piped is for programs: no line of it is folded."""
    return Console(width=None if sys.stdout.isatty() else 1200)


@contextmanager
def told_plainly() -> Iterator[None]:
    """Errors of a store end the command with their message and exit status 1."""
    try:
        yield
    except StoreError as error:
        raise click.ClickException(str(error)) from error


def plan(configuration: Path) -> Plan:
    """The checked configuration. Raises StoreError."""
    return compose.plan(OrthancConfiguration.from_file(configuration))
