"""`orthanc-storage undelete`: takes back deletes that are recorded and not yet made."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.table import Table

from storage_plugins.cli.layers import Waiting, age
from storage_plugins.cli.objects import keys
from storage_plugins.cli.source import configuration_option, console, plan, told_plainly
from storage_plugins.disk.deletions import DeletionJournal
from storage_plugins.errors import NotFound, Unavailable

_HOW = """\
The storage keeps {them}, but the database of Orthanc does not know the instances any more. For each DICOM file:
  orthanc-storage get NAME FILE
  curl -X POST http://localhost:8042/instances --data-binary @FILE
Orthanc stores it under a new uuid. When that has worked, remove the old object: orthanc-storage rm NAME"""


@click.command()
@configuration_option
@click.option("--list", "listed", is_flag=True, help="Show which deletes are pending, and when they are made.")
@click.argument("names", nargs=-1)
def undelete(configuration: Path, *, listed: bool, names: tuple[str, ...]) -> None:
    """Takes back deletes of NAMES, uuids or keys, as long as they were not made. Works while Orthanc runs."""
    if not listed and not names:
        msg = "Give names, or --list."
        raise click.UsageError(msg)
    with told_plainly():
        chosen = plan(configuration)
        options = chosen.section.delayed_deletion
        if options is None:
            msg = "DelayedDeletion is not configured: a deleted object is gone at once"
            raise click.ClickException(msg)
        waiting = Waiting.of(chosen)
        if listed:
            _show(waiting)
            return
        failed, taken = _take_back(waiting, options.path, names)
    for key in taken:
        click.echo(key)
    if taken:
        click.echo(_HOW.format(them="this object" if len(taken) == 1 else f"these {len(taken)} objects"), err=True)
    for sentence in failed:
        click.echo(f"Error: {sentence}", err=True)
    sys.exit(1 if failed else 0)


def _take_back(waiting: Waiting, folder: str, names: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """What could not be taken back, and the keys of what was. Raises Unavailable."""
    taken: list[str] = []
    pending = {name: [key for key in keys(waiting.chosen.naming, name) if key in waiting.deletions] for name in names}
    failed = [_why(waiting, name) for name, found in pending.items() if not found]
    if not any(pending.values()):
        return failed, taken
    try:
        _check_owner(folder)
        journal = DeletionJournal(folder)
        try:
            for key in dict.fromkeys(key for found in pending.values() for key in found):
                try:
                    journal.take_back(key)
                    taken.append(key)
                except NotFound:
                    failed.append(f"the delete of object {key!r} is due: it was made, or is being made now")
        finally:
            journal.close()
    except sqlite3.Error as error:
        msg = f"cannot change the record of deletes in {folder}: {error}"
        raise Unavailable(msg) from error
    return failed, taken


def _check_owner(folder: str) -> None:
    """Raises ClickException when this user may not write the record."""
    if not os.access(folder, os.W_OK):
        raise click.ClickException(f"cannot write to {folder}: run this as the user that Orthanc runs as, or as root")


def _why(waiting: Waiting, name: str) -> str:
    for key in keys(waiting.chosen.naming, name):
        entry = waiting.spool.newest.get(key)
        if entry is not None and entry.removed:
            return (
                f"the delete of object {key!r} waits in the spool, behind its upload: it can be taken back when the "
                "spool has passed it on"
            )
    return f"no delete of {name!r} is pending: it was made, or there was none (see orthanc-storage undelete --list)"


def _show(waiting: Waiting) -> None:
    table = Table(box=None)
    table.add_column("key", overflow="fold")
    table.add_column("deleted", justify="right")
    table.add_column("is made (UTC)")
    now = time.time()
    for deletion in waiting.deletions.values():
        when = datetime.fromtimestamp(deletion.due, UTC).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(deletion.key, f"{age(deletion.deleted)} ago", when if deletion.due > now else "now")
    console().print(table, markup=False, highlight=False)
    click.echo(f"{len(waiting.deletions)} deletes are pending", err=True)
