"""The command `orthanc-storage`: thin calls on stores and on the build."""

from __future__ import annotations

import click

from storage_plugins.cli import build, check, config, deletions, objects, spool, status

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="orthanc-storage-plugins")
def main() -> None:
    """Builds, configures and inspects the storage area of an Orthanc server."""


for command in (
    build.build,
    config.config,
    check.check,
    *objects.COMMANDS,
    status.status,
    spool.spool,
    deletions.undelete,
):
    main.add_command(command)
