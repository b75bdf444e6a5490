"""The pages of the documentation, and the snippets on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
_UNCHECKED: Final = re.compile(r"<!-- unchecked: (.+?) -->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Snippet:
    """A fenced block."""

    page: Path
    line: int
    language: str
    text: str
    unchecked: str
    """Why nothing checks it, from the comment before it; "" where something does."""

    @property
    def name(self) -> str:
        """For the names of tests."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Every page that users read: docs/, and what is beside the code."""
    beside = (path for folder in ("terraform", "packaging", "native_shim") for path in (ROOT / folder).rglob("*.md"))
    own = (path for path in beside if ".terraform" not in path.parts)
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md")), *sorted(own)]


def page_name(page: Path) -> str:
    """For the names of tests."""
    return str(page.relative_to(ROOT))


@cache
def _tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text())


def snippets(*languages: str) -> list[Snippet]:
    """All fenced blocks of these languages, or of all."""
    return [found for page in pages() for found in _of(page) if not languages or found.language in languages]


def _of(page: Path) -> Iterator[Snippet]:
    unchecked = ""
    for token in _tokens(page):
        if token.type == "fence" and token.map is not None:
            yield Snippet(page, token.map[0] + 1, token.info.strip(), token.content, unchecked)
        marker = _UNCHECKED.search(token.content) if token.type == "html_block" else None
        unchecked = " ".join(marker[1].split()) if marker else ""


def inline_code(page: Path) -> list[str]:
    """What stands between backquotes in the text of a page."""
    inlines = (token for token in _tokens(page) if token.type == "inline")
    return [child.content for token in inlines for child in token.children or () if child.type == "code_inline"]
