"""The documentation site: complete, whole, and for itself."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.docs.conftest import Site, build
from tests.docs.pages import DOCS, ROOT


def test_no_warning(site: Site) -> None:
    """The build has nothing to say but what it does."""
    assert [] == [line for line in site.said.splitlines() if line and not line.startswith("INFO")]


def test_every_page_is_there(site: Site) -> None:
    """Each page of docs/ is one of the site, and the README is the first."""
    names = [page.relative_to(DOCS).with_suffix(".html").as_posix() for page in DOCS.rglob("*.md")]
    expected = {name.replace("README.html", "index.html") for name in names} | {"index.html"}
    assert set() == {name for name in expected if not (site.folder / name).is_file()}
    assert "./script/server" in (site.folder / "index.html").read_text()


def test_links(site: Site) -> None:
    """Every link and anchor of every page leads somewhere; none leads out of the site but to the web."""
    dead = []
    for page in site.pages.values():
        if page.path.name == "404.html":  # it is shown at any address, so its links start at the root
            continue
        for link in page.links + page.fetched:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https", "mailto", "data"):
                continue
            target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
            target = target / "index.html" if target.is_dir() else target
            known = site.pages.get(target)
            anchor = unquote(parts.fragment)
            if not target.is_file() or (anchor and (known is None or anchor not in known.anchors)):
                dead.append(f"{page.path.relative_to(site.folder)}: {link}")
    assert [] == dead
    assert 1000 < sum(len(page.links) for page in site.pages.values())


def test_no_other_host(site: Site) -> None:
    """A reader's browser asks nobody else: neither a page, nor a style sheet, nor a script of the theme."""
    asked = {
        f"{page.path.relative_to(site.folder)}: {link}"
        for page in site.pages.values()
        for link in page.fetched
        if urlsplit(link).netloc
    }
    for style in site.folder.rglob("*.css"):
        urls = re.findall(r"url\(\s*[\"']?([^)\"']+)|@import\s+[\"']([^\"']+)", style.read_text())
        asked |= {f"{style.name}: {url}" for found in urls for url in found if urlsplit(url).netloc}
    assert set() == asked
    assert 3 <= len(list(site.folder.rglob("*.css")))


def test_tables(site: Site) -> None:
    """Each table of the sources is one of the page, also where a comment stands right before it."""
    for source in DOCS.rglob("*.md"):
        text = re.sub(r"^```.*?^```$", "", source.read_text(), flags=re.MULTILINE | re.DOTALL)
        expected = len(re.findall(r"^\|[ :|-]*---[ :|-]*\|$", text, re.MULTILINE))
        name = source.relative_to(DOCS).with_suffix(".html").as_posix().replace("README.html", "index.html")
        assert (name, expected) == (name, site.pages[site.folder / name].tables)


def test_files_outside_docs(site: Site) -> None:
    """What a page links to elsewhere in the repository is shown in the site: Markdown as pages, code as code."""
    shown = site.folder / "source"
    assert "queue.c" in (shown / "native_shim" / "index.html").read_text()
    assert 'class="highlight"' in (shown / "benchmarks" / "callbacks.c.html").read_text()
    assert 'href="source/native_shim/index.html"' in (site.folder / "architecture.html").read_text()


def test_a_dead_link_ends_the_build(tmp_path: Path) -> None:
    """The strict mode is strict."""
    for path in ROOT.iterdir():
        if path.name not in {"docs", "mkdocs.yml"}:
            (tmp_path / path.name).symlink_to(path)
    shutil.copytree(DOCS, tmp_path / "docs")
    with (tmp_path / "docs" / "sizing.md").open("a") as page:
        page.write("\n[a](nowhere.md) [b](layers.md#not-there) [c](../script/missing) [d](/absolute.md)\n")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)

    result = build(tmp_path / "site", tmp_path / "mkdocs.yml")

    assert 1 == result.returncode
    warnings = [line for line in result.stderr.splitlines() if line.startswith("WARNING")]
    expected = ("absolute.md", "layers.md#not-there", "missing", "nowhere.md")
    assert 4 == len(warnings)
    assert [] == [link for link in expected if not any(link in line for line in warnings)]
