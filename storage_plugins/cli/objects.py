"""`orthanc-storage ls, stat, get, put, rm`: the objects of the configured store.

A bare uuid stands for the attachment of Orthanc with that uuid; anything else is a key. An object that waits to be
uploaded is there, one that waits to be deleted is not: as Orthanc sees it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import click
from rich.filesize import decimal
from rich.table import Table

from storage_plugins.cli.layers import Waiting
from storage_plugins.cli.source import configuration_option, console, plan, told_plainly
from storage_plugins.errors import KeyInvalid, NotFound
from storage_plugins.keys import Naming
from storage_plugins.store import ObjectInfo, Store

_CONTENT_TYPES = {1: "DICOM", 2: "DICOM as JSON", 3: "DICOM until pixel data", 0: "other"}


@click.command("ls")
@configuration_option
@click.option("--all", "everything", is_flag=True, help="Also objects that are no attachments of Orthanc.")
@click.argument("prefix", default="")
def list_(configuration: Path, prefix: str, everything: bool) -> None:
    """Lists attachments whose key starts with PREFIX, with those that wait to be uploaded or deleted."""
    with told_plainly():
        chosen = plan(configuration)
        waiting = Waiting.of(chosen)  # before: what is uploaded meanwhile is then found twice, and not never
        start = prefix or chosen.naming.prefix
        with chosen.open_backend() as store:
            found = {info.key: info for info in store.list(start)}
    pending = (entry for entry in waiting.spool.newest.values() if not entry.removed and entry.key.startswith(start))
    found |= {entry.key: entry.info for entry in pending}
    shown = (info for key, info in sorted(found.items()) if everything or chosen.naming.attachment(key))
    _show(shown, chosen.naming, waiting)


@click.command()
@configuration_option
@click.argument("name")
def stat(configuration: Path, name: str) -> None:
    """Describes one object: a uuid or a key."""
    with told_plainly():
        chosen = plan(configuration)
        waiting = Waiting.of(chosen)
        with chosen.open_backend() as store:
            found = _find(waiting, store, name)
        _show([found], chosen.naming, waiting)


@click.command()
@configuration_option
@click.argument("name")
@click.argument("file", type=click.File("wb"), default="-")
def get(configuration: Path, name: str, file: BinaryIO) -> None:
    """Writes the object NAME, a uuid or a key, to FILE (default: standard output)."""
    with told_plainly():
        chosen = plan(configuration)
        waiting = Waiting.of(chosen)
        with chosen.open_backend() as store:
            file.write(waiting.read(store, _find(waiting, store, name).key))


@click.command()
@configuration_option
@click.option("--replace", is_flag=True, help="Replace an object that exists.")
@click.argument("file", type=click.File("rb"))
@click.argument("key")
def put(configuration: Path, file: BinaryIO, key: str, replace: bool) -> None:
    """Stores FILE under KEY. Orthanc's database does not learn of it."""
    with told_plainly():
        chosen = plan(configuration)
        waiting = Waiting.of(chosen)
        _refuse_waiting(waiting, key)
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
        waiting = Waiting.of(chosen)
        with chosen.open_backend() as store:
            found = [_find(waiting, store, name) for name in names]
            for info in found:
                _refuse_waiting(waiting, info.key)
            if not yes:
                _show(found, chosen.naming, waiting)
                click.confirm(f"Remove {len(found)} objects for ever?", abort=True)
            for info in found:
                store.delete(info.key)


COMMANDS = (list_, stat, get, put, remove)
"""What this module adds to the command."""


def keys(naming: Naming, name: str) -> list[str]:
    """The keys that a name may stand for: those of the attachment with that uuid, or the name itself."""
    try:
        return list(dict.fromkeys(naming.key(name, content_type) for content_type in _CONTENT_TYPES))
    except KeyInvalid:
        return [name]


def _find(waiting: Waiting, store: Store, name: str) -> ObjectInfo:
    """The object that a uuid or a key stands for. Raises NotFound."""
    possible = keys(waiting.chosen.naming, name)
    deleted = None
    for key in possible:
        try:
            pending = waiting.upload(key)
        except NotFound as error:
            deleted = deleted or error
            continue
        if pending is not None:
            return pending.info
        try:
            return store.stat(key)
        except NotFound:
            if possible == [name]:
                raise
    if deleted is not None:
        raise deleted
    msg = f"there is no attachment {name} (looked for {', '.join(possible)})"
    raise NotFound(msg)


def _refuse_waiting(waiting: Waiting, key: str) -> None:
    """What is done to the storage now, Orthanc would undo later."""
    if state := waiting.state(key):
        what = "spool flush" if key in waiting.spool.newest else f"undelete {key}"
        raise click.ClickException(f"object {key!r} is still {state}: first orthanc-storage {what}")


def _exists(store: Store, key: str) -> bool:
    try:
        store.stat(key)
    except NotFound:
        return False
    return True


def _show(found: Iterable[ObjectInfo], naming: Naming, waiting: Waiting) -> None:
    objects = list(found)
    section = waiting.chosen.section
    layers = section.write_behind is not None or section.delayed_deletion is not None
    table = Table(box=None)
    table.add_column("key", overflow="fold")
    table.add_column("size", justify="right")
    table.add_column("modified (UTC)")
    table.add_column("content")
    if layers:
        table.add_column("state")
    for info in objects:
        attachment = naming.attachment(info.key)
        content = "" if attachment is None else _CONTENT_TYPES.get(attachment.content_type or 0, "")
        if attachment is not None and attachment.content_type is None:
            content = "attachment"
        when = info.modified.strftime("%Y-%m-%d %H:%M:%S") if info.modified else ""
        table.add_row(info.key, decimal(info.size), when, content, *([waiting.state(info.key)] if layers else []))
    console().print(table, markup=False, highlight=False)
    click.echo(f"{len(objects)} objects, {decimal(sum(info.size for info in objects))}", err=True)
