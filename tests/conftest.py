"""What tests of several folders share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.servers import Servers


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The servers of this run. They end with it."""
    with ExitStack() as stack:
        yield Servers(tmp_path_factory.mktemp("servers"), stack)
