"""Every command of the documentation is one, and those that need no cloud are run."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import bashlex.errors
import click
import pytest
from click.testing import CliRunner

from storage_plugins.cli import main
from tests.docs.pages import ROOT, Snippet, page_name, pages, snippets
from tests.docs.shell import Command, commands, parse_ours
from tests.unit.layers_site import OTHER, UUID, new_site

OURS: Final = "orthanc-storage"
RUN_ELSEWHERE: Final = {
    "tests/packaging": {"apt-get", "pip", "install", "ln", "service", "systemctl", "weed", "docker", "make-secrets"},
    "tests/docs/test_recovery.py, test_from_disk.py and test_cost.py": {"python", "curl", "find", "wc"},
    "tests/live/test_shared_archive.py": {"psql", "sort", "grep", "comm"},
    "tests/terraform": {"terraform"},
    "tests/packaging, with what is around them": {"python3", "cat"},
}
"""Programs that are not ours, and where such commands of the pages are run."""

KNOWN: Final = {program for programs in RUN_ELSEWHERE.values() for program in programs}
SHELL: Final = snippets("sh", "bash", "console")


def fault(command: Command) -> str | None:
    """What is wrong with a command, as far as it can be told without running it."""
    if command.program == OURS:
        try:
            parse_ours(command.words[1:])
        except click.UsageError as error:
            return f"{' '.join(command.words)}: {error.format_message()}"
        return None
    if command.words[0].startswith(("./", "script/", "packaging/")):
        return None if os.access(ROOT / command.words[0], os.X_OK) else f"{command.words[0]}: not a program of ours"
    scripts = [word for word in command.words[1:] if word.startswith("script/")]
    missing = [script for script in scripts if not (ROOT / script).is_file()]
    return f"{missing} is not there" if missing else None if command.program in KNOWN else f"{command.program}: unknown"


@pytest.mark.parametrize("snippet", SHELL, ids=lambda snippet: snippet.name)
def test_every_command_is_one(snippet: Snippet) -> None:
    """Bash can read it; ours have these options and arguments; scripts are there; others are known."""
    found = commands(snippet.text)
    assert found
    if not snippet.unchecked:
        assert [] == [told for command in found if (told := fault(command))]


def test_what_is_wrong_is_found() -> None:
    """The check above, checked."""
    text = """
    orthanc-storage check --fast   # no such option
    orthanc-storage orphan ls
    orthanc-storage spool
    orthanc-storage check --largest huge
    orthanc-storage stat
    orthanc-storage stat a b
    ./script/none
    .venv/bin/python script/none.py
    curlx http://localhost | wc -l
    sudo -u orthanc orthanc-storage ls --everything
    orthanc-storage status --json && orthanc-storage undelete --list
    """
    assert 10 == len([command for command in commands(text) if fault(command)])
    with pytest.raises(bashlex.errors.ParsingError):
        commands("for x in; do")


@pytest.mark.parametrize("page", pages(), ids=page_name)
def test_commands_in_the_text(page: Path) -> None:
    """A command that a sentence names is there."""
    unknown = []
    for first, second in re.findall(rf"`{OURS} ([a-z]+)(?: ([a-z]+))?", page.read_text()):
        group = main.commands.get(first)
        if group is None or (isinstance(group, click.Group) and second and second not in group.commands):
            unknown.append(f"{first} {second}")
    assert [] == unknown


def test_commands_that_need_no_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of ours in the order of their pages, with all layers, on an archive with an object and a pending delete."""
    site = new_site(tmp_path, monkeypatch)
    with site.orthanc() as store:
        for uuid in (UUID, OTHER):
            store.put(f"{uuid}.dcm", b"1")
    with site.orthanc() as store:
        store.delete(f"{UUID}.dcm")
    monkeypatch.chdir(tmp_path)
    ran = set()
    for snippet in SHELL:
        for command in commands(snippet.text) if not snippet.unchecked else []:
            words = command.words[1:]
            if command.program != OURS or words[0] == "build" or "--url" in words or command.words in ran:
                continue  # the builds are those of tests/packaging, and tests/live asks an Orthanc
            ran.add(command.words)
            result = CliRunner().invoke(main, _here(words, site.config), input="y\n")
            assert 0 == result.exit_code, f"{snippet.name}: {' '.join(words)}: {result.output}"
    assert {"check", "ls", "status", "spool", "undelete", "get", "rm"} <= {words[1] for words in ran}
    assert b"1" == (tmp_path / "image.dcm").read_bytes()
    assert {f"{OTHER}.dcm"} == {name for name in site.stored() if name.endswith(".dcm")}


def _here(words: tuple[str, ...], configuration: Path) -> list[str]:
    """A command of a page, for a configuration of ours."""
    left = [word.replace("UUID", UUID) for word in words]
    if "-c" in left:
        del left[left.index("-c") : left.index("-c") + 2]
    if left[0] == "config":
        return left
    at = 2 if left[0] == "spool" else 1
    smaller = ["--largest", "1"] if left[0] == "check" else []
    return [*left[:at], "-c", str(configuration), *smaller, *left[at:]]
