"""Hooks of MkDocs: pages of the site that are not in docs/, and the links to them.

The README is the first page. A file elsewhere in the repository that a page links to gets a page of its own below
`source/`: Markdown as it is, code as code. A link to a folder becomes its text, because a folder is no page.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_ALWAYS: Final = ("README.md", "CHANGELOG.md")
_FENCE_OR_LINK: Final = re.compile(
    r"^(?P<fence>```+).*?^(?P=fence)$"
    r"|\[(?P<text>[^\]]+)\]\((?!/|\w+:)(?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)",
    re.MULTILINE | re.DOTALL,
)
_LANGUAGES: Final = {".c": "c", ".h": "c", ".json": "json", ".py": "python", ".tf": "hcl", ".yaml": "yaml"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages of files outside docs/: those that always have one, and those that a page links to."""
    repository = Repository(config)
    paths = [repository.path(file.src_uri) for file in files.documentation_pages()]
    outside = [repository.root / name for name in _ALWAYS]
    seen = set(outside)
    paths += outside
    while paths:
        path = paths.pop()
        if path in seen:
            files.append(File.generated(config, repository.uri(path), content=_content(path, repository.root)))
        if path.suffix == ".md":
            new = {target for target in _targets(path) if target.is_file() and not repository.in_docs(target)} - seen
            seen |= new
            paths += new
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - by name
    """Turns links between files of the repository into links between pages of the site."""
    repository = Repository(config)
    here = repository.path(page.file.src_uri)

    def replace(found: re.Match[str]) -> str:
        if found["target"] is None:
            return found[0]
        target = _resolve(here, found["target"])
        if target.is_dir():
            return found["text"]
        link = posixpath.relpath(repository.uri(target), posixpath.dirname(page.file.src_uri))
        return f"[{found['text']}]({link}{found['anchor'] or ''})"

    return _FENCE_OR_LINK.sub(replace, markdown)


class Repository:
    """Where files of the repository are in the site."""

    def __init__(self, config: MkDocsConfig) -> None:
        self._docs = Path(config.docs_dir)
        self.root = self._docs.parent

    def in_docs(self, path: Path) -> bool:
        """Whether MkDocs finds the file by itself."""
        return path.is_relative_to(self._docs)

    def uri(self, path: Path) -> str:
        """The name of a file's page among the sources of the site."""
        if self.in_docs(path):
            return path.relative_to(self._docs).as_posix()
        name = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.name
        if name == "README.md":
            return "index.md"
        return f"source/{name}" if path.suffix == ".md" else f"source/{name}.md"

    def path(self, uri: str) -> Path:
        """The file whose page has that name."""
        if uri == "index.md":
            return self.root / "README.md"
        if uri.startswith("source/"):
            name = self.root / uri.removeprefix("source/")
            return name if name.is_file() else name.with_suffix("")
        return self._docs / uri


def _targets(path: Path) -> list[Path]:
    """The files and folders that a file of Markdown links to."""
    links = (found["target"] for found in _FENCE_OR_LINK.finditer(path.read_text()))
    return [_resolve(path, link) for link in links if link is not None]


def _resolve(path: Path, link: str) -> Path:
    return Path(posixpath.normpath(path.parent / link))


def _content(path: Path, root: Path) -> str:
    if path.suffix == ".md":
        return path.read_text()
    name = path.relative_to(root)
    return f"# {name}\n\n````{_LANGUAGES.get(path.suffix, 'text')}\n{path.read_text()}````\n"
