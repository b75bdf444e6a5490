"""How this machine reaches package registries, so that a fresh Debian beside it reaches them in the same way."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

_PIP = {"index-url", "extra-index-url", "trusted-host", "proxy", "timeout"}
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_CERTIFICATES = "/etc/ssl/certs/of-the-machine.crt"


def mirror() -> str:
    """Where this machine gets Debian from; without an answer, where everybody does."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(CODENAME)", "Created-By: Packages"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    for line in told.splitlines():
        uri, _, rest = line.partition(" ")
        if re.fullmatch(r"Debian [a-z]+", rest):  # and not its updates: "Debian bookworm-security"
            return uri
    return "http://deb.debian.org/debian"


def variables() -> dict[str, str]:
    """For programs in the fresh Debian."""
    settings = _pip_settings()
    chosen = {
        f"PIP_{name.upper().replace('-', '_')}": value
        for name, value in settings.items()
        if name in _PIP and "file:" not in value
    }
    chosen |= {name: os.environ[name] for name in _PROXIES if name in os.environ}
    if _certificates(settings):
        chosen |= {"PIP_CERT": _CERTIFICATES, "SSL_CERT_FILE": _CERTIFICATES}
    # Python compiles what it needs, and the tests need little.
    return chosen | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_COMPILE": "1"}


def settle(root: Path) -> None:
    """Gives the fresh Debian in `root` this machine's resolver, settings of apt, and authorities to trust."""
    for name in ("resolv.conf", "hosts"):
        shutil.copy(f"/etc/{name}", root / "etc" / name)
    for folder in (Path("/etc/apt/apt.conf.d"), Path("/etc/apt/auth.conf.d")):
        if folder.exists():
            shutil.copytree(folder, root / "etc" / "apt" / folder.name, dirs_exist_ok=True)
    certificates = _certificates(_pip_settings())
    if certificates:
        target = root / _CERTIFICATES.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(certificates, target)


def _certificates(settings: dict[str, str]) -> str:
    """The file with the authorities that this machine trusts beside those that pip brings, or ""."""
    return settings.get("cert") or os.environ.get("SSL_CERT_FILE", "")


def _pip_settings() -> dict[str, str]:
    """What pip was told by files and variables, by the name of the option; variables win, as for pip."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^(global|install|:env:)\.([\w-]+)='(.*)'$", told, re.MULTILINE)
    found.sort(key=lambda one: one[0] == ":env:")
    return {name: value.replace("\\n", " ").strip() for _, name, value in found}
