"""`orthanc-storage config`."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import SplitResult, urlsplit

import click

from native_shim import build_shim
from storage_plugins import compose
from storage_plugins.config.orthanc import SECTION, OrthancConfiguration
from storage_plugins.errors import ConfigInvalid

_AZURE_HOST = ".blob.core.windows.net"


@click.command()
@click.argument("url")
def config(url: str) -> None:
    r"""Prints a ready Orthanc configuration for the storage at URL.

    \b
    URL is one of
      /folder                                a folder of this machine
      s3://BUCKET/PREFIX                     Amazon S3, or another server with Endpoint
      gs://BUCKET/PREFIX                     Google Cloud Storage
      az://CONTAINER@ACCOUNT/PREFIX          Azure Blob Storage
      https://ACCOUNT.blob.core.windows.net/CONTAINER/PREFIX   the same
      anything that fsspec knows, for instance sftp://user@host/folder
    """
    try:
        values = {"Plugins": [str(build_shim.default_output())], SECTION: section(url)}
        compose.plan(OrthancConfiguration(values, os.getcwd()))
    except ConfigInvalid as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(values, indent=2))
    click.echo(
        'If another file of the same folder has "Plugins", add the path there and leave the key out here.', err=True
    )
    if urlsplit(url).password:
        click.echo("The password is part of the URL: keep the file readable by Orthanc only.", err=True)


def section(url: str) -> dict[str, Any]:
    """The section for a storage URL. Raises ConfigInvalid when a part of it is missing."""
    parts = urlsplit(url)
    match parts.scheme:
        case "" | "file":
            return {"Backend": "local", "Options": {"Path": os.path.abspath(parts.path)}}
        case "s3" | "gs" | "gcs":
            bucket = _given(parts.netloc, url, f"{parts.scheme}://BUCKET/PREFIX")
            return _cloud("s3" if parts.scheme == "s3" else "gcs", {"Bucket": bucket}, parts.path)
        case "az" | "azure" | "abfs" | "abfss":
            container, _, host = parts.netloc.partition("@")
            account = host.partition(".")[0]
            return _azure(account, container, parts.path, url)
        case "https" if parts.netloc.endswith(_AZURE_HOST):
            return _azure_blob(parts, url)
        case _:
            return {"Backend": "fsspec", "Options": {"Url": url}}


def _azure_blob(parts: SplitResult, url: str) -> dict[str, Any]:
    container, _, prefix = parts.path.strip("/").partition("/")
    return _azure(parts.netloc.removesuffix(_AZURE_HOST), container, prefix, url)


def _azure(account: str, container: str, path: str, url: str) -> dict[str, Any]:
    form = "az://CONTAINER@ACCOUNT/PREFIX"
    options = {"Account": _given(account, url, form), "Container": _given(container, url, form)}
    return _cloud("azure", options, path)


def _cloud(backend: str, options: dict[str, str], path: str) -> dict[str, Any]:
    prefix = path.strip("/")
    return {"Backend": backend, "Options": options} | ({"Prefix": prefix} if prefix else {})


def _given(value: str, url: str, form: str) -> str:
    if not value:
        msg = f"{url} is not complete: expected {form}"
        raise ConfigInvalid(msg)
    return value
