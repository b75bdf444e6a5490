"""`orthanc-storage status`: what the layers hold, from their folders or from Orthanc itself."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import click
from rich.filesize import decimal
from rich.table import Table

from storage_plugins.cli.layers import span
from storage_plugins.cli.source import DEFAULT, console, plan, told_plainly
from storage_plugins.compose import Plan
from storage_plugins.disk import look
from storage_plugins.disk.folder import is_owned
from storage_plugins.errors import StoreError

_TIMEOUT = 30.0
_NEARLY_FULL = 0.9

Report = dict[str, Any]


@click.command()
@click.option(
    "-c",
    "--config",
    "configuration",
    type=click.Path(path_type=Path),
    default=DEFAULT,
    show_default=True,
    help="Orthanc's configuration: a file, or a folder of files. Not needed with --url.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object.")
@click.option("--url", metavar="URL", help="Ask the Orthanc at this address, for instance http://localhost:8042.")
@click.option("--user", help="User of Orthanc, with --url.")
@click.option("--password-file", type=click.File("r"), help="File with the password of the user, - for standard input.")
def status(configuration: Path, *, as_json: bool, url: str | None, user: str | None, password_file: Any) -> None:
    """Shows what the layers hold: cache, spool, pending deletes.

    Looks into their folders, whether Orthanc runs or not. With --url, Orthanc itself is asked, which also knows the hit
    ratio of the cache and whether the storage answers. The exit status is 0 when all is well, and 1 when something
    needs attention.
    """
    with told_plainly():
        if url is not None:
            password = password_file.read().rstrip("\r\n") if password_file else ""
            report = _ask(url, user, password)
        else:
            report = _look(plan(configuration))
    attention = _attention(report)
    if as_json:
        click.echo(json.dumps(report | {"Attention": attention}, indent=2))
    else:
        _show(report)
    for sentence in attention:
        click.echo(f"Needs attention: {sentence}", err=True)
    sys.exit(1 if attention else 0)


# --- from the folders ---


def _look(chosen: Plan) -> Report:
    """An object for each layer, with the names that Orthanc answers with, as far as the folders tell."""
    section = chosen.section
    report: Report = {"Backend": section.backend}
    layers: tuple[tuple[str, Any, Callable[[Any], Report]], ...] = (
        ("Cache", section.cache, _cache),
        ("WriteBehind", section.write_behind, _write_behind),
        ("DelayedDeletion", section.delayed_deletion, _delayed_deletion),
    )
    for name, options, tell in layers:
        if options is not None:
            report[name] = _layer(options, tell)
    return report


def _layer(options: Any, tell: Callable[[Any], Report]) -> Report:
    found = {"Path": options.path, "InUse": is_owned(options.path)}
    try:
        return found | tell(options)
    except StoreError as error:
        return found | {"Error": str(error)}


def _cache(options: Any) -> Report:
    entries, size = look.cache_content(options.path)
    return {"Entries": entries, "Bytes": size, "MaximumBytes": options.maximum_size << 20}


def _write_behind(options: Any) -> Report:
    content = look.spool_content(options.path)
    return {
        "PendingObjects": len(content.entries),
        "PendingBytes": sum(entry.size for entry in content.entries),
        "MaximumBytes": options.maximum_size << 20,
        "OldestSeconds": _since(content.entries[0].since if content.entries else None),
        "DamagedObjects": len(content.damaged),
    }


def _delayed_deletion(options: Any) -> Report:
    deletions = look.deletions(options.path)
    return {
        "PendingObjects": len(deletions),
        "OldestSeconds": _since(min((deletion.deleted for deletion in deletions), default=None)),
    }


def _since(when: float | None) -> float:
    return 0.0 if when is None else round(max(0.0, time.time() - when), 3)


# --- from Orthanc ---


class _NoRedirect(HTTPRedirectHandler):
    """The password is for nobody else."""

    def redirect_request(self, *_: Any) -> None:
        """None: a redirection is an error."""


def _ask(url: str, user: str | None, password: str) -> Report:
    if urlsplit(url).scheme not in ("http", "https"):
        msg = f"{url!r} is not the address of an Orthanc: expected for instance http://localhost:8042"
        raise click.ClickException(msg)
    request = Request(f"{url.rstrip('/')}/storage-plugins/status")  # noqa: S310 - the scheme was checked
    if user is not None:
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    try:
        # Never through a proxy: Orthanc is here or near.
        with build_opener(ProxyHandler({}), _NoRedirect).open(request, timeout=_TIMEOUT) as answer:
            report = json.loads(answer.read())
    except HTTPError as error:
        error.close()
        raise click.ClickException(_refusal(url, error.code, user)) from error
    except (URLError, OSError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise click.ClickException(f"the Orthanc at {url} cannot be reached: {reason}") from error
    except ValueError as error:
        raise click.ClickException(f"what answers at {url} is no Orthanc with this plugin") from error
    if not isinstance(report, dict):
        raise click.ClickException(f"what answers at {url} is no Orthanc with this plugin")
    return report


def _refusal(url: str, code: int, user: str | None) -> str:
    match code:
        case 401 | 403 if user is None:
            return f"the Orthanc at {url} wants to know who asks (HTTP {code}): give --user and --password-file"
        case 401 | 403:
            return f"the Orthanc at {url} does not let the user {user!r} ask (HTTP {code})"
        case 404:
            return (
                f"the Orthanc at {url} does not know /storage-plugins/status (HTTP 404): this plugin is not loaded, "
                "or its configuration has no section for it"
            )
        case _:
            return f"the Orthanc at {url} answered with HTTP {code}"


# --- to people ---


def _attention(report: Report) -> list[str]:
    """What somebody has to look after."""
    found = [f"{name}: {layer['Error']}" for name, layer in _layers(report) if "Error" in layer]
    spool = report.get("WriteBehind", {})
    if damaged := spool.get("DamagedObjects"):
        found.append(
            f"WriteBehind: {damaged} damaged files in the spool were not uploaded: see orthanc-storage spool ls"
        )
    if refused := spool.get("RefusedObjects"):
        found.append(f"WriteBehind: the storage refuses {refused} objects of the spool: the log of Orthanc says why")
    if spool.get("PendingBytes", 0) > _NEARLY_FULL * spool.get("MaximumBytes", 0):
        found.append("WriteBehind: the spool is nearly full: when it is, Orthanc accepts no more instances")
    if report.get("Cache", {}).get("Failing"):
        found.append("Cache: its disk cannot be used, objects are fetched each time: the log of Orthanc says why")
    if report.get("CircuitBreaker", {}).get("Open"):
        found.append("CircuitBreaker: the storage does not answer")
    return found


def _layers(report: Report) -> list[tuple[str, Mapping[str, Any]]]:
    return [(name, layer) for name, layer in report.items() if isinstance(layer, dict)]


def _show(report: Report) -> None:
    table = Table(box=None, show_header=False)
    table.add_row("Backend", "", str(report.get("Backend", "")))
    for name, layer in _layers(report):
        for position, (key, value) in enumerate(layer.items()):
            table.add_row("" if position else name, key, _value(key, value))
    console().print(table, markup=False, highlight=False)
    if not _layers(report):
        click.echo("No layer is configured.", err=True)


def _value(key: str, value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float() if key.endswith("Bytes"):
            return decimal(int(value))
        case int() | float() if key.endswith("Seconds"):
            return span(value)
        case float() if key == "HitRatio":
            return f"{value:.1%}"
        case _:
            return str(value)
