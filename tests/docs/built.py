"""The built site, as a browser takes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

_FETCHED: Final = {
    "script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src", "embed": "src",
    "object": "data", "link": "href", "image": "href", "use": "href",
}  # fmt: skip
"""What a browser asks for by itself, and in which attribute."""


@dataclass(slots=True)
class BuiltPage:
    """What a page has, links to and needs."""

    path: Path
    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    tables: int = 0


class _Reader(HTMLParser):
    def __init__(self, page: BuiltPage) -> None:
        super().__init__()
        self.page = page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes down what the element names."""
        given = {name: value or "" for name, value in attrs}
        self.page.anchors |= {given[name] for name in ("id", "name") if name in given}
        self.page.tables += tag == "table" and given.get("class") != "highlighttable"
        if tag == "a" and "href" in given:
            self.page.links.append(given["href"])
        if (attribute := _FETCHED.get(tag)) in given and attribute is not None and given.get("rel") != "canonical":
            self.page.fetched.append(given[attribute])
        if "srcset" in given:
            self.page.fetched += [one.split()[0] for one in given["srcset"].split(",")]


def read(path: Path) -> BuiltPage:
    """One page of the site."""
    page = BuiltPage(path)
    _Reader(page).feed(path.read_text())
    return page
