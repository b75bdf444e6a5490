"""`orthanc-storage build`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from native_shim import build_shim


@click.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to write the plugin.")
def build(output: Path | None) -> None:
    """Compiles the plugin for this Python environment."""
    try:
        path = build_shim.build((output or build_shim.default_output()).absolute())
    except build_shim.BuildError as error:
        raise click.ClickException(str(error)) from error
    click.echo(path)
    click.echo(f'In Orthanc\'s configuration: "Plugins": {json.dumps([str(path)])}')
