"""The plugin in a host that is not Orthanc: builds both, runs scripts, and reads what came of them.

The commands of a script are listed in fake_orthanc/script.c.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sysconfig
import venv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.native import backends

HERE = Path(__file__).parent

UNTOUCHED = "ee"
"""The byte of memory that nobody has written to, in hexadecimal."""

Answer = dict[str, Any]
"""One line of JSON: `verb` and what the command says of itself."""


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of Orthanc's log."""

    level: str
    """E, W or I."""

    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one process."""

    status: int
    """0 unless something crashed: minus the signal, or 2 for a mistake in the script."""

    answers: list[Answer]
    log: list[Message]
    noise: str
    """What was written to stderr around Orthanc's log."""

    def all(self, verb: str) -> list[Answer]:
        """The answers to one kind of command, in the order of the script."""
        return [answer for answer in self.answers if answer["verb"] == verb]

    def one(self, verb: str) -> Answer:
        """The answer to the only command of its kind."""
        (answer,) = self.all(verb)
        return answer

    @property
    def codes(self) -> list[int | None]:
        """The codes of all calls, in the order in which they were waited for. None: a call has not ended."""
        return [answer["code"] for answer in self.answers if answer["verb"] in ("create", "read", "range", "remove")]

    def texts(self, levels: str = "EWI") -> list[str]:
        """The log messages of some levels."""
        return [message.text for message in self.log if message.level in levels]


class FakeHost:
    """Runs scripts against one build of the plugin, each in a process of its own."""

    def __init__(self, program: Path, plugin: Path, folder: Path, *, wrapper: Sequence[str] = ()) -> None:
        """`folder`: where configurations are written. `wrapper`: a command that runs the host, such as valgrind."""
        self.program = program
        self.plugin = plugin
        self.folder = folder
        self._wrapper = list(wrapper)

    def run(
        self,
        script: str | Iterable[str] = "",
        section: Any = None,
        *,
        configuration: Mapping[str, Any] | None = None,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        seconds: float = 60,
    ) -> Outcome:
        """Follows `script`, one command a line, under a configuration with our `section`.

        `configuration` is put in place of the whole one. `arguments` are those of the host. Raises
        subprocess.TimeoutExpired after `seconds`.
        """
        file = self.folder / "orthanc.json"
        file.write_text(json.dumps({"StoragePlugins": section} if configuration is None else configuration))
        done = subprocess.run(  # noqa: PLW1510 - the exit status is for the test to judge
            [*self._wrapper, str(self.program), "--configuration", str(file), *arguments, str(self.plugin)],
            input=script if isinstance(script, str) else "\n".join(script),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=os.environ | dict(environment or {}),
            timeout=seconds,
        )
        log, noise = _read_stderr(done.stderr)
        return Outcome(done.returncode, [json.loads(line) for line in done.stdout.splitlines()], log, noise)


def build_host(program: Path, flags: Sequence[str] = ()) -> Path:
    """Compiles the host to `program`."""
    sources = sorted(str(path) for path in (HERE / "fake_orthanc").glob("*.c"))
    compiler = [*shlex.split(os.environ.get("CC", "cc")), "-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*compiler, *flags, "-pthread", *sources, "-ldl", "-o", str(program)], check=True)
    return program


class Environment:
    """A Python environment beside the one that runs the tests: it sees all of its packages, and backends of its own."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False, symlinks=True)
        self.folder = folder
        self.python = folder / "bin" / "python"
        version = f"python{sysconfig.get_python_version()}"
        self.packages = folder / "lib" / version / "site-packages"
        self.link = self.packages / "environment_of_the_tests.pth"
        self._see_the_packages_of_the_tests()
        self._register_backends()

    def build_plugin(self, plugin: Path, flags: str = "") -> Path:
        """Compiles the plugin for this environment."""
        command = "import sys, pathlib; from native_shim import build_shim; build_shim.build(pathlib.Path(sys.argv[1]))"
        subprocess.run(
            [str(self.python), "-I", "-c", command, str(plugin)], check=True, env=os.environ | {"CFLAGS": flags}
        )
        return plugin

    def _see_the_packages_of_the_tests(self) -> None:
        # addsitedir and not a plain path: an editable installation is a .pth file in there.
        folders = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
        self.link.write_text("".join(f"import site; site.addsitedir({folder!r})\n" for folder in folders))

    def _register_backends(self) -> None:
        module = "backends_of_the_tests"
        (self.packages / f"{module}.py").write_bytes(Path(backends.__file__).read_bytes())
        metadata = self.packages / f"{module}-0.1.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 0.1\n")
        (metadata / "entry_points.txt").write_text(
            f"[storage_plugins.backends]\n{backends.NAME} = {module}:FaultyStore\n"
            f"{backends.UNTOUCHED_FILES} = {module}:UntouchedFiles\n"
        )


def uuid(number: int) -> str:
    """A uuid of an attachment, and none of those that `threads` and `background` use."""
    return f"{number:08x}-0000-4000-9000-000000000000"


def shown(data: bytes) -> str:
    """Bytes as the host shows them in an answer."""
    if len(data) <= 64:
        return data.hex()
    digest = 0xCBF29CE484222325
    for byte in data:
        digest = (digest ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"fnv1a:{digest:016x}"


def _read_stderr(text: str) -> tuple[list[Message], str]:
    log: list[Message] = []
    noise = []
    for line in text.splitlines():
        match re.match("([EWI])([:|]) (.*)", line):
            case None:
                noise.append(line)
            case found if found[2] == ":":
                log.append(Message(found[1], found[3]))
            case found:
                log[-1] = Message(found[1], f"{log[-1].text}\n{found[3]}")
    return log, "\n".join(noise)
