"""How the disk of the cache gets room."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from storage_plugins.disk.cache import CacheDisk

SIZE = 500
FILES = 2000


def until(condition: Callable[[], bool]) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_room_is_made_before_it_is_needed(tmp_path: Path) -> None:
    """A cache that is nearly full loses its oldest files in the background, so that nobody who keeps one waits."""
    with closing(CacheDisk(str(tmp_path), SIZE * FILES, ("objects",))) as disk:
        for number in range(int(FILES * 0.99)):
            disk.keep("objects", f"{number:04}", bytes(SIZE))
        until(lambda: disk.report()["bytes"] <= 0.95 * SIZE * FILES)

        there = sorted(path.name for path in (tmp_path / "objects").iterdir())
        assert disk.report()["entries"] == len(there)
        assert 0.9 * FILES < len(there)
        assert there[-1] == f"{int(FILES * 0.99) - 1:04}"


def test_a_cache_that_is_not_nearly_full_loses_nothing(tmp_path: Path) -> None:
    """Up to the mark everything stays."""
    with closing(CacheDisk(str(tmp_path), SIZE * FILES, ("objects",))) as disk:
        for number in range(int(FILES * 0.97)):
            disk.keep("objects", f"{number:04}", bytes(SIZE))
        until(lambda: disk.report()["entries"] == int(FILES * 0.97))
        time.sleep(0.3)
        assert disk.report()["evicted_total"] == 0
