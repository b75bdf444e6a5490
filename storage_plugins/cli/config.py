"""`orthanc-storage config`."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import urlsplit

import click

from native_shim import build_shim
from storage_plugins import compose
from storage_plugins.config.orthanc import SECTION, OrthancConfiguration
from storage_plugins.errors import ConfigInvalid


@click.command()
@click.argument("url")
def config(url: str) -> None:
    """Prints a ready Orthanc configuration for the storage at URL: a folder, or any URL that fsspec knows."""
    values = {"Plugins": [str(build_shim.default_output())], SECTION: section(url)}
    try:
        compose.plan(OrthancConfiguration(values, os.getcwd()))
    except ConfigInvalid as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(values, indent=2))
    if urlsplit(url).password:
        click.echo("The password is part of the URL: keep the file readable by Orthanc only.", err=True)


def section(url: str) -> dict[str, Any]:
    """The section for a storage URL."""
    parts = urlsplit(url)
    if parts.scheme in ("", "file"):
        return {"Backend": "local", "Options": {"Path": os.path.abspath(parts.path)}}
    return {"Backend": "fsspec", "Options": {"Url": url}}
