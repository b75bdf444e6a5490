from __future__ import annotations

import pytest

from storage_plugins.testing import contract
from tests.contract import conftest


@pytest.mark.parametrize("check", contract.CHECKS, ids=contract.name)
def test_contract(check: contract.Check, rig: contract.Rig) -> None:
    """Every store keeps every promise."""
    check(rig)


@pytest.mark.parametrize("rig", [conftest.local_synced], indirect=True, ids=["local"])
def test_run_reports_every_check(rig: contract.Rig) -> None:
    """`run` tells of each check by name, and `clean` removes what the checks have left."""
    rig.largest = 4 << 20
    neighbour = f"{rig.prefix.removesuffix(contract.PREFIX)}neighbour"
    rig.store.put(neighbour, b"mine")

    results = list(contract.run(rig))
    contract.clean(rig)

    assert [contract.name(check) for check in contract.CHECKS] == [result.name for result in results]
    assert [] == [(result.name, result.error) for result in results if result.error is not None]
    assert {neighbour} == rig.medium.keys()
