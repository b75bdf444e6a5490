"""Links between the files of the repository, for who reads them there and not in the site."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import page_name, pages


@pytest.mark.parametrize("page", pages(), ids=page_name)
def test_links(page: Path) -> None:
    """Each leads to a file or a folder."""
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    assert [] == [link for link in links if "://" not in link and not (page.parent / link).exists()]
