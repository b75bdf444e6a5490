"""`orthanc-storage spool`: what WriteBehind has confirmed and the storage does not have yet."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import pwd
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from storage_plugins import compose
from storage_plugins.cli.layers import age, amount
from storage_plugins.cli.source import configuration_option, console, plan, told_plainly
from storage_plugins.compose import Plan
from storage_plugins.config.layers import WriteBehindOptions
from storage_plugins.disk import look
from storage_plugins.disk.folder import is_owned
from storage_plugins.layers.write_behind import WriteBehindLayer
from storage_plugins.metrics import Metrics
from storage_plugins.store import Layer, Store

_EVERY = 0.2
_SAY_EVERY = 5.0  # seconds between two lines, where there is no terminal
_MANY_REFUSED = 20
_TIMEOUT = "the time is up"


@click.group()
def spool() -> None:
    """Objects that Orthanc has stored and that wait to be uploaded."""


@spool.command("ls")
@configuration_option
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object.")
def list_(configuration: Path, *, as_json: bool) -> None:
    """Lists pending objects in the order of their arrival, and damaged files."""
    with told_plainly():
        content = look.spool_content(_options(plan(configuration)).path)
    if as_json:
        now = time.time()
        pending = [
            {
                "Key": entry.key,
                "Size": entry.size,
                "AgeSeconds": round(max(0.0, now - entry.since), 3),
                "Delete": entry.removed,
            }
            for entry in content.entries
        ]
        damaged = [{"File": found.path, "Key": found.key} for found in content.damaged]
        click.echo(json.dumps({"Pending": pending, "Damaged": damaged}, indent=2))
        return
    table = Table(box=None)
    table.add_column("key", overflow="fold")
    table.add_column("size", justify="right")
    table.add_column("age", justify="right")
    table.add_column("what")
    for entry in content.entries:
        table.add_row(entry.key, decimal(entry.size), age(entry.since), "delete" if entry.removed else "upload")
    for found in content.damaged:
        table.add_row(found.key or "(not known)", "", "", f"damaged: {found.path}")
    console().print(table, markup=False, highlight=False)
    click.echo(amount(len(content.entries), sum(entry.size for entry in content.entries)), err=True)


@spool.command()
@configuration_option
@click.option("--timeout", type=click.FloatRange(min=0), help="Seconds to try at most. By default there is no end.")
def flush(configuration: Path, timeout: float | None) -> None:
    """Uploads what is pending, or waits until a running Orthanc has done it.

    The exit status is 0 when everything is in the storage, and 1 when something is left.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    with told_plainly():
        chosen = plan(configuration)
        options = _options(chosen)
        if is_owned(options.path):
            click.echo("Orthanc runs and uploads by itself: this only waits for it.", err=True)
            left = _follow(options, deadline)
        elif os.path.isdir(options.path):
            _check_user(options.path)
            left = _upload(chosen, deadline)
        else:
            left = _Left()
        content = look.spool_content(options.path)
    if left.objects and content.entries:  # to end takes a moment, in which more may have been uploaded
        pending = amount(len(content.entries), sum(entry.size for entry in content.entries))
        raise click.ClickException(f"{pending} left in the spool: {left.reason}")
    if content.damaged:
        raise click.ClickException(f"{len(content.damaged)} damaged files not uploaded: see orthanc-storage spool ls")
    click.echo("Nothing is pending.")


@dataclass(frozen=True, slots=True)
class _Left:
    """What is pending, and why nobody goes on with it; "" while somebody does."""

    objects: int = 0
    size: int = 0
    reason: str = ""


def _options(chosen: Plan) -> WriteBehindOptions:
    if chosen.section.write_behind is None:
        msg = "WriteBehind is not configured: there is no spool"
        raise click.ClickException(msg)
    return chosen.section.write_behind


def _check_user(path: str) -> None:
    """Files that somebody else makes in Orthanc's folders, Orthanc could not use."""
    owner = os.stat(path).st_uid
    if owner == os.geteuid():
        return
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = str(owner)
    raise click.ClickException(f"the spool {path} belongs to the user {name}: run this as that user")


def _follow(options: WriteBehindOptions, deadline: float | None) -> _Left:
    """Looks on until the spool is empty."""

    def look_on() -> Iterator[_Left]:
        while True:
            started = time.monotonic()
            running = is_owned(options.path)  # before: nothing is added after it has stopped
            entries = look.spool_content(options.path).entries
            yield _Left(
                len(entries),
                sum(entry.size for entry in entries),
                "" if running else "Orthanc has stopped. Run this again to upload them",
            )
            # To look at many files costs time; Orthanc needs the disk more.
            time.sleep(max(_EVERY, 5 * (time.monotonic() - started)))

    return _show_progress(look_on(), deadline)


def _upload(chosen: Plan, deadline: float | None) -> _Left:
    """Opens the store as Orthanc does, so that the layer itself uploads. Raises what refuses Orthanc's start."""
    # Who ends this does not want to wait once more; what is left is in the spool.
    options = _options(chosen).model_copy(update={"drain_timeout": 0.0})
    section = chosen.section.model_copy(update={"preflight": False, "write_behind": options})

    def work(layer: WriteBehindLayer) -> Iterator[_Left]:
        uploaded = failures = 0.0
        while True:
            told = layer.report()
            if told["uploaded_total"] != uploaded:
                uploaded, failures = told["uploaded_total"], told["failures_total"]
            objects, refused = int(told["pending_objects"]), int(told["refused_objects"])
            # Nothing else is going to succeed, as far as can be seen.
            in_a_row = told["failures_total"] - failures
            hopeless = refused == objects or (refused >= _MANY_REFUSED and in_a_row >= _MANY_REFUSED)
            reason = f"the storage refuses them: {layer.last_failure}" if hopeless and objects else ""
            yield _Left(objects, int(told["pending_bytes"]), reason)
            time.sleep(_EVERY)

    with ExitStack() as stack:
        stack.enter_context(_quiet_logs())
        store = stack.enter_context(compose.open_store(dataclasses.replace(chosen, section=section), Metrics()))
        layer = _write_behind(store)
        left = _show_progress(work(layer), deadline)
        if not left.objects:
            return left
        if left.reason == _TIMEOUT and layer.last_failure is not None:
            return dataclasses.replace(left, reason=f"{_TIMEOUT}. The last error: {layer.last_failure}")
        return left


def _write_behind(store: Store) -> WriteBehindLayer:
    """The layer in a stack of which it is a part."""
    match store:
        case WriteBehindLayer():
            return store
        case Layer():
            return _write_behind(store.inner)
    raise TypeError(type(store))


def _show_progress(states: Iterator[_Left], deadline: float | None) -> _Left:
    """Shows each state, until nothing is pending, nobody goes on with it, or the time is up."""
    screen = Console(stderr=True)
    first: _Left | None = None
    said = -_SAY_EVERY
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=screen, disable=not screen.is_terminal) as progress:
        bar = progress.add_task("")
        for left in states:
            first = first if first is not None and first.size >= left.size else left
            progress.update(
                bar, description=f"{left.objects} pending", total=first.size, completed=first.size - left.size
            )
            if left.objects and not screen.is_terminal and time.monotonic() >= said + _SAY_EVERY:
                said = time.monotonic()
                click.echo(f"{amount(left.objects, left.size)} pending", err=True)
            if not left.objects or left.reason:
                return left
            if deadline is not None and time.monotonic() >= deadline:
                return dataclasses.replace(left, reason=_TIMEOUT)
    return _Left()


@contextmanager
def _quiet_logs() -> Iterator[None]:
    """The layers log for Orthanc; here the progress and the last error tell it."""
    log = logging.getLogger("storage_plugins")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)
