"""A real Orthanc, its object storage behind a bad network: clients notice nothing but the time it takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import mix
from tests.live.conftest import Launch
from tests.servers import Servers
from tests.servers.wan import Wan

CLIENTS = 16


@pytest.fixture
def wan(servers: Servers, tmp_path: Path) -> Iterator[Wan]:
    """In front of SeaweedFS."""
    with Wan(tmp_path / "wan", servers.get("seaweedfs").port) as wan:
        yield wan


@pytest.fixture
def medium(servers: Servers) -> Iterator[Any]:
    """A new bucket."""
    medium = servers.get("seaweedfs").bucket("bad-weather")
    yield medium
    medium.remove()


def test_bad_weather(make: Launch, servers: Servers, wan: Wan, medium: Any) -> None:
    """No client sees an error, every instance that was acknowledged reads back identical, and no orphan is left."""
    options = servers.get("seaweedfs").options(medium.bucket, wan.endpoint)

    _weather_a_storm(make({"Backend": "s3", "Options": options | {"RequestTimeout": 5}}), wan, medium, 200)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_bad_weather_for_long(make: Launch, servers: Servers, wan: Wan, medium: Any) -> None:
    """The same with ten times as many instances, and with nothing but defaults."""
    options = servers.get("seaweedfs").options(medium.bucket, wan.endpoint)

    _weather_a_storm(make({"Backend": "s3", "Options": options}), wan, medium, 2000)


def _weather_a_storm(orthanc: Any, wan: Wan, medium: Any, count: int) -> None:
    with orthanc:
        with mix.Weather(wan, stall=3, fair=4, reset=0.05, half=0.05, lost=0.01) as weather:
            outcome = mix.run(orthanc, count, CLIENTS)
        mix.check(orthanc, outcome)
        there = orthanc.get("/instances").json()

    seen = wan.state()
    print(seen, f"slowest request {outcome.longest:.1f} s")
    assert min(weather.stalls, seen["answers_reset"], seen["answers_halved"], seen["answers_lost"]) > 0
    assert [] == outcome.errors
    assert count == outcome.stored
    assert set(outcome.kept) == set(there)
    assert [] == outcome.damaged
    assert len(there) == len(medium.keys())
