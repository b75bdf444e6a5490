"""The drop-in for systemd, and Orthanc started as systemd would start it: as far as that goes without systemd."""

from __future__ import annotations

import configparser
import shlex
from typing import Final

from tests.packaging.conftest import ROOT

DROP_IN: Final = ROOT / "packaging" / "systemd" / "orthanc.service.d" / "storage-plugins.conf"

_COMMAND = "/usr/sbin/Orthanc --logdir=/var/log/orthanc /etc/orthanc"  # as in Debian's unit


def settings() -> configparser.SectionProxy:
    """The section of the service."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DROP_IN)
    return parser["Service"]


def own_folders() -> list[str]:
    """What systemd makes for the service's user."""
    return [f"/var/lib/{settings()['StateDirectory']}", f"/var/cache/{settings()['CacheDirectory']}"]


def script(user: str) -> str:
    """Runs Orthanc with the files that the drop-in leaves writable, and without any right beyond the user's."""
    assert ("strict", "yes", "", "yes") == tuple(
        settings()[key] for key in ("ProtectSystem", "PrivateTmp", "CapabilityBoundingSet", "NoNewPrivileges")
    )
    modes = [settings()["StateDirectoryMode"], settings()["CacheDirectoryMode"]]
    lines = [
        f"install -d -m {mode} -o {user} -g {user} {folder}" for mode, folder in zip(modes, own_folders(), strict=True)
    ]
    writable = [*settings()["ReadWritePaths"].split(), *own_folders()]
    lines += [f"mount --bind {folder} {folder}" for folder in writable]
    lines += ["mount -t tmpfs tmpfs /tmp", "mount -o remount,bind,ro /", f"umask {settings()['UMask']}"]
    rights = "--clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all"
    lines += [f"exec setpriv --reuid={user} --regid={user} {rights} {_COMMAND}"]
    return f"exec unshare --mount --propagation=unchanged /bin/sh -ec {shlex.quote('; '.join(lines))}"
