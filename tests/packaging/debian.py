"""A fresh Debian 12 to install in: a root made by debootstrap, changed in layers, entered in namespaces of its own.

It needs root, and what is started in it ends with it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.packaging import network

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# As in Debian's images: the installation of a package starts nothing, and is not forced to the disk file by file.
_NO_SERVICES = "#!/bin/sh\nexit 101\n"
# The first process. It tells its pid, which is the one outside as long as /proc is the outer one. Then it waits, also
# for processes that others leave to it, so that a daemon that has ended is gone.
_FIRST = """
read -r pid rest < /proc/self/stat
mount --make-rprivate / 2>/dev/null || true
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2,workdir=$3" "$4"
mount -t proc proc "$4/proc"
mount -t tmpfs tmpfs "$4/dev/shm"
echo "$pid"
exec chroot "$4" /bin/sh -c 'echo inside; sleep infinity & wait'
"""


def bootstrap(folder: Path) -> None:
    """Makes a minimal Debian 12 in `folder`."""
    if os.geteuid() != 0:
        msg = "a fresh Debian can only be made as root: run the tests as root"
        raise RuntimeError(msg)
    log = folder.with_suffix(".log")
    command = ["debootstrap", "--variant=minbase", "bookworm", str(folder), network.mirror()]
    with log.open("wb") as file:
        if subprocess.run(command, stdout=file, stderr=file, check=False).returncode != 0:
            msg = f"debootstrap failed: {log.read_text(errors='replace')[-2000:]}"
            raise RuntimeError(msg)
    policy = folder / "usr" / "sbin" / "policy-rc.d"
    policy.write_text(_NO_SERVICES)
    policy.chmod(0o755)
    (folder / "etc" / "dpkg" / "dpkg.cfg.d" / "unsafe-io").write_text("force-unsafe-io\n")
    network.settle(folder)


class Layer:
    """What was changed over other layers, the lowest of which is a root."""

    def __init__(self, folder: Path, *below: Path) -> None:
        """`below`: from the top."""
        self.changes = folder / "changes"
        self.below = below
        self._work = folder / "work"
        self.mounted = folder / "root"
        for part in (self.changes, self._work, self.mounted):
            part.mkdir(parents=True, exist_ok=True)

    def arguments(self) -> list[str]:
        """For the first process."""
        return [":".join(map(str, self.below)), *map(str, (self.changes, self._work, self.mounted))]


class Machine:
    """Processes in a layer. A context manager: it ends them all.

    Its network is nothing but a loopback of its own, so that programs may listen on their usual ports.
    """

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self._process: subprocess.Popen[str] | None = None
        self._pid = 0

    @property
    def root(self) -> Path:
        """Its files, seen from outside."""
        return Path(f"/proc/{self._pid}/root")

    def run(
        self,
        script: str,
        *,
        variables: Mapping[str, str] | None = None,
        user: str = "root",
        folder: str = "/",
        online: bool = False,
        seconds: float = 600,
    ) -> str:
        """What a shell script printed that a user ran. Raises RuntimeError with the end of it when it failed.

        `online`: it is on this machine's network, and reaches package registries as this machine does.
        """
        if online:
            variables = {**network.variables(), "DEBIAN_FRONTEND": "noninteractive", **(variables or {})}
        command = self.enter(["/bin/sh", "-ec", script], variables=variables, user=user, folder=folder, online=online)
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
        if done.returncode != 0:
            msg = f"exit status {done.returncode} of: {script}\n{done.stdout[-3000:]}"
            raise RuntimeError(msg)
        return done.stdout

    def enter(
        self,
        command: Sequence[str],
        *,
        variables: Mapping[str, str] | None = None,
        user: str = "root",
        folder: str = "/",
        online: bool = False,
    ) -> list[str]:
        """What runs a command inside, as a user (a name or number), with these variables and few others."""
        settings = {"PATH": _PATH, "HOME": "/root" if user == "root" else "/", "LANG": "C.UTF-8", **(variables or {})}
        # No more rights than a container or service of that user has.
        less = [] if user == "root" else ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        less += [] if user == "root" else ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        inside = f"cd {shlex.quote(folder)} && exec {shlex.join([*less, *command])}"
        return [
            "nsenter", f"--target={self._pid}", "--mount", "--pid", *([] if online else ["--net"]), "--root", "--wd",
            "/usr/bin/env", "-i", *(f"{name}={value}" for name, value in settings.items()), "/bin/sh", "-c", inside,
        ]  # fmt: skip

    def beside(self, command: Sequence[str]) -> list[str]:
        """What runs a program of this machine in the network of the fresh one."""
        return ["nsenter", f"--target={self._pid}", "--net", *command]

    def start(self) -> None:
        """Starts it, with nothing running."""
        namespaces = ["--mount", "--pid", "--net", "--propagation=unchanged"]
        command = ["unshare", *namespaces, "--fork", "--kill-child", "sh", "-ec", _FIRST, "sh"]
        self._process = subprocess.Popen(
            [*command, *self.layer.arguments()], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self._pid = int(self._process.stdout.readline() or 0)
        if self._process.stdout.readline() != "inside\n":
            msg = "the fresh Debian could not be entered: mounts or namespaces are not allowed here"
            raise RuntimeError(msg)
        subprocess.run(self.beside(["ip", "link", "set", "lo", "up"]), check=True)

    def stop(self) -> None:
        """Ends all that runs in it."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def copy(source: Path, target: Path) -> None:
    """A file or the content of a folder, owned by root."""
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def checkout(source: Path, target: Path) -> Path:
    """What git knows or would add of the working tree `source`, in a folder of its own."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=source, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (source / name).is_file():
            copy(source / name, target / name)
    return target
