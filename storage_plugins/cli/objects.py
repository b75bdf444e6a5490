"""`orthanc-storage ls, stat, get, put, rm`: the objects of the configured store.

A bare uuid stands for the attachment of Orthanc with that uuid; anything else is a key.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import click
from rich.filesize import decimal
from rich.table import Table

from storage_plugins.cli.source import configuration_option, console, plan, told_plainly
from storage_plugins.compose import Plan
from storage_plugins.errors import KeyInvalid, NotFound
from storage_plugins.keys import Naming
from storage_plugins.store import ObjectInfo, Store
from storage_plugins.testing.media import read

_CONTENT_TYPES = {1: "DICOM", 2: "DICOM as JSON", 3: "DICOM until pixel data", 0: "other"}


@click.command("ls")
@configuration_option
@click.option("--all", "everything", is_flag=True, help="Also objects that are no attachments of Orthanc.")
@click.argument("prefix", default="")
def list_(configuration: Path, prefix: str, everything: bool) -> None:
    """Lists attachments whose key starts with PREFIX."""
    with told_plainly():
        chosen = plan(configuration)
        with chosen.open_backend() as store:
            found = sorted(store.list(prefix or chosen.naming.prefix), key=lambda info: info.key)
    _show([info for info in found if everything or chosen.naming.attachment(info.key)], chosen.naming)


@click.command()
@configuration_option
@click.argument("name")
def stat(configuration: Path, name: str) -> None:
    """Describes one object: a uuid or a key."""
    with told_plainly():
        chosen = plan(configuration)
        with chosen.open_backend() as store:
            _show([_find(chosen, store, name)], chosen.naming)


@click.command()
@configuration_option
@click.argument("name")
@click.argument("file", type=click.File("wb"), default="-")
def get(configuration: Path, name: str, file: BinaryIO) -> None:
    """Writes the object NAME, a uuid or a key, to FILE (default: standard output)."""
    with told_plainly():
        chosen = plan(configuration)
        with chosen.open_backend() as store:
            file.write(read(store, _find(chosen, store, name).key))


@click.command()
@configuration_option
@click.option("--replace", is_flag=True, help="Replace an object that exists.")
@click.argument("file", type=click.File("rb"))
@click.argument("key")
def put(configuration: Path, file: BinaryIO, key: str, replace: bool) -> None:
    """Stores FILE under KEY. Orthanc's database does not learn of it."""
    with told_plainly():
        chosen = plan(configuration)
        with chosen.open_backend() as store:
            if not replace and _exists(store, key):
                raise click.ClickException(f"there is an object {key!r} already: --replace replaces it")
            store.put(key, file.read())


@click.command("rm")
@configuration_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.argument("names", nargs=-1, required=True)
def remove(configuration: Path, names: tuple[str, ...], yes: bool) -> None:
    """Removes objects: uuids or keys. Orthanc's database does not learn of it."""
    with told_plainly():
        chosen = plan(configuration)
        with chosen.open_backend() as store:
            found = [_find(chosen, store, name) for name in names]
            if not yes:
                _show(found, chosen.naming)
                click.confirm(f"Remove {len(found)} objects for ever?", abort=True)
            for info in found:
                store.delete(info.key)


COMMANDS = (list_, stat, get, put, remove)
"""What this module adds to the command."""


def _find(chosen: Plan, store: Store, name: str) -> ObjectInfo:
    """The object that a uuid or a key stands for. Raises NotFound."""
    try:
        keys = list(dict.fromkeys(chosen.naming.key(name, content_type) for content_type in _CONTENT_TYPES))
    except KeyInvalid:
        return store.stat(name)
    for key in keys:
        try:
            return store.stat(key)
        except NotFound:
            continue
    msg = f"there is no attachment {name} (looked for {', '.join(keys)})"
    raise NotFound(msg)


def _exists(store: Store, key: str) -> bool:
    try:
        store.stat(key)
    except NotFound:
        return False
    return True


def _show(objects: list[ObjectInfo], naming: Naming) -> None:
    table = Table(box=None)
    table.add_column("key", overflow="fold")
    table.add_column("size", justify="right")
    table.add_column("modified (UTC)")
    table.add_column("content")
    for info in objects:
        attachment = naming.attachment(info.key)
        content = "" if attachment is None else _CONTENT_TYPES.get(attachment.content_type or 0, "")
        if attachment is not None and attachment.content_type is None:
            content = "attachment"
        when = info.modified.strftime("%Y-%m-%d %H:%M:%S") if info.modified else ""
        table.add_row(info.key, decimal(info.size), when, content)
    console().print(table)
    click.echo(f"{len(objects)} objects, {decimal(sum(info.size for info in objects))}", err=True)
