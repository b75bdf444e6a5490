"""`orthanc-storage check`."""

from __future__ import annotations

import secrets
import statistics
import sys
from pathlib import Path

import click
from rich.table import Table

from storage_plugins import preflight
from storage_plugins.adapters import local
from storage_plugins.adapters.local import LocalOptions
from storage_plugins.cli.source import configuration_option, console, plan, told_plainly
from storage_plugins.compose import Plan
from storage_plugins.store import Store
from storage_plugins.testing import contract
from storage_plugins.testing.media import FolderMedium, Medium, StoreMedium

_RUNS = 11  # of the preflight


@click.command()
@configuration_option
@click.option("--largest", default=64, show_default=True, help="Size of the largest object, in MiB.")
def check(configuration: Path, largest: int) -> None:
    """Checks that the configured store keeps every promise that Orthanc relies on.

    Shows how long each verb takes, and then tries every promise. Writes below a prefix of its own and removes it
    afterwards, so it may run beside a working Orthanc. The exit status is 0 when all promises were kept.
    """
    screen = console()
    with told_plainly():
        chosen = plan(configuration)
        read_only = chosen.section.read_only
        with chosen.open_backend() as store, screen.status("measuring"):
            runs = [preflight.run(store, chosen.naming.prefix, read_only=read_only) for _ in range(_RUNS)]
        screen.print(_latencies(chosen, runs))
        if read_only:
            screen.print("ReadOnly is set: nothing was written, and so no promise was tried")
            return
        with chosen.open_backend() as store, chosen.open_backend() as second:
            rig = contract.Rig(
                store,
                _medium(chosen, second),
                chosen.open_backend,
                persistent=chosen.section.backend != "memory",
                prefix=f"{chosen.naming.prefix}check-{secrets.token_hex(8)}/",
                largest=largest << 20,
            )
            table = Table(title=f"Backend {chosen.section.backend}", title_justify="left")
            for column in ("promise", "kept", "seconds", "what was found"):
                table.add_column(column, justify="right" if column == "seconds" else "left")
            failed = 0
            with screen.status("checking"):
                for result in contract.run(rig):
                    failed += result.error is not None
                    kept = "[green]yes" if result.error is None else "[red]no"
                    table.add_row(result.name, kept, f"{result.seconds:.2f}", str(result.error or ""))
                contract.clean(rig)
    screen.print(table)
    screen.print(f"{len(contract.CHECKS) - failed} of {len(contract.CHECKS)} promises kept")
    sys.exit(1 if failed else 0)


def _latencies(chosen: Plan, runs: list[list[preflight.Step]]) -> Table:
    """How long each verb took: the first time, with a new connection, and after it."""
    table = Table(title=f"Backend {chosen.section.backend}: a small object, milliseconds", title_justify="left")
    for column in ("verb", "first", "median", "slowest"):
        table.add_column(column, justify="left" if column == "verb" else "right")
    for steps in zip(*runs, strict=True):
        first, *later = (step.seconds * 1000 for step in steps)
        times = (first, statistics.median(later), max(later))
        table.add_row(steps[0].verb.removesuffix(" of"), *(f"{time:.1f}" for time in times))
    return table


def _medium(chosen: Plan, second: Store) -> Medium:
    """The way around the store: the folder itself for local disk, a second store for what we cannot know better."""
    if isinstance(chosen.options, LocalOptions):
        return FolderMedium(Path(chosen.options.path), hidden=(local.INCOMING,))
    return StoreMedium(second)
