"""Carries out the steps of a Dockerfile in a fresh Debian, as a builder of images would."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.packaging.debian import Layer, Machine, copy

_BASE: Final = "debian:12-slim"


@dataclass(frozen=True, slots=True)
class Step:
    """An instruction and what follows it, on one line."""

    instruction: str
    value: str


@dataclass(slots=True)
class Image:
    """What was built: the files, and how a container of it starts."""

    layer: Layer
    variables: dict[str, str] = field(default_factory=dict)
    user: str = "root"
    folder: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)


def steps(text: str) -> list[Step]:
    """The instructions of a Dockerfile without here-documents."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", "", lines)
    parts = (line.split(maxsplit=1) for line in joined.splitlines() if line.strip())
    return [Step(instruction.upper(), value) for instruction, value in parts]


def context(source: Path, ignore: Path, target: Path) -> Path:
    """What is sent to the builder: all that a .dockerignore of the form "*", then "!name", lets through."""
    lines = [line for line in ignore.read_text().splitlines() if line and not line.startswith("#")]
    assert "*" == lines[0]
    hidden = shutil.ignore_patterns(*(line.removeprefix("**/") for line in lines if line.startswith("**/")))
    for name in (line[1:] for line in lines if line.startswith("!")):
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=hidden)
        else:
            copy(source / name, target / name)
    return target


class Builder:
    """Builds the stages of a Dockerfile one after the other."""

    def __init__(self, root: Path, sent: Path, folder: Path) -> None:
        """`root`: the fresh Debian. `sent`: the context. `folder`: for the layers."""
        self._root = root
        self._sent = sent
        self._folder = folder
        self._stages: dict[str, Machine] = {}

    def build(self, text: str) -> Image:
        """The last stage."""
        image = Image(Layer(self._folder / "none", self._root))
        machine: Machine | None = None
        try:
            for step in steps(text):
                if step.instruction == "FROM":
                    name = self._name(step.value)
                    image = Image(Layer(self._folder / name, self._root))
                    self._stages[name] = machine = Machine(image.layer)
                    machine.start()
                else:
                    assert machine is not None
                    self._do(step, image, machine)
        finally:
            for one in self._stages.values():
                one.stop()
        return image

    def _name(self, value: str) -> str:
        """Of a stage."""
        base, _, name = value.partition(" AS ")
        assert _BASE == base
        return name or f"stage-{len(self._stages)}"

    def _do(self, step: Step, image: Image, machine: Machine) -> None:
        match step.instruction:
            case "RUN":
                machine.run(step.value, variables=image.variables, user=image.user, folder=image.folder, online=True)
            case "COPY":
                self._copy(shlex.split(step.value), image, machine)
            case "ENV":
                image.variables |= dict(word.split("=", 1) for word in shlex.split(step.value))
            case "WORKDIR":
                image.folder = step.value
                (machine.root / step.value.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case _:
                _describe(step, image)

    def _copy(self, words: list[str], image: Image, machine: Machine) -> None:
        stage = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else ""
        *sources, target = words
        base = self._stages[stage].root if stage else self._sent
        goal = machine.root / image.folder.lstrip("/") / target.removesuffix("/")
        if target.startswith("/"):
            goal = machine.root / target.strip("/")
        for name in sources:
            source = base / name.lstrip("/")
            into = not source.is_dir() and (target.endswith("/") or len(sources) > 1)
            copy(source, goal / source.name if into else goal)


def _describe(step: Step, image: Image) -> None:
    """What an instruction says about containers of the image."""
    match step.instruction:
        case "USER":
            image.user = step.value.partition(":")[0]
        case "HEALTHCHECK":
            image.health = json.loads(step.value.partition(" CMD ")[2])
        case "ENTRYPOINT":
            image.entrypoint = json.loads(step.value)
        case "CMD":
            image.command = json.loads(step.value)
        case "VOLUME":
            image.volumes.append(step.value)
        case "EXPOSE":
            image.ports += [int(port) for port in step.value.split()]
        case other:
            msg = f"{other}: nobody has said what it does here"
            raise NotImplementedError(msg)
