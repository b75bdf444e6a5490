"""The module for Azure: the role, the section for Orthanc, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest

from storage_plugins.adapters.azure import AzureOptions
from storage_plugins.compose import plan
from storage_plugins.config.orthanc import OrthancConfiguration
from tests.terraform.changed import changed
from tests.terraform.program import Terraform
from tests.terraform.refusals import refused

MODULE: Final = "modules/azure"
GIVEN: Final = {
    "resource_group_name": "imaging",
    "location": "westeurope",
    "storage_account_name": "hospital",
    "allowed_ip_rules": ["198.51.100.7"],
    "operator_ip_rules": ["203.0.113.9"],
}
BLOBS: Final = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
BATCH: Final = "Microsoft.Storage/storageAccounts/blobServices/containers/write"
WITH_MORE: Final = {
    **GIVEN,
    "allow_list": True,
    "allow_tags": True,
    "prefix": "site-a/ct",
    "immutability": {"days": 1},
    "identity": {"principal_id": "00000000-0000-0000-0000-000000000001"},
}
# Terraform sees the one, the module's own tests the others.
MISSPELT: Final = (f"{MODULE}/main.tf", "min_tls_version  ", "minimum_tls_version  ")
UNSAFE: Final = {
    (
        f"{MODULE}/main.tf",
        'container_access_type = "private"',
        'container_access_type = "blob"',
    ): "The container could be public",
    (
        f"{MODULE}/main.tf",
        "allow_nested_items_to_be_public   = false",
        "allow_nested_items_to_be_public = true",
    ): "Blobs could be made public",
    (f"{MODULE}/main.tf", 'min_tls_version                   = "TLS1_2"', ""): "HTTP or old TLS is taken",
    (f"{MODULE}/main.tf", "shared_access_key_enabled         = var.shared_keys", ""): "Keys of the account work",
    (f"{MODULE}/identity.tf", "condition          = var.allow_list ? null : local.no_list", ""): "Orthanc may list",
}

# Each is refused with a message that names it.
BAD: Final[dict[str, Any]] = {
    "location": "West Europe",
    "container_name": "a--b",
    "prefix": "/site",
    "account_replication_type": "TWICE",
    "access_tier": "Archive",
    "allowed_ip_rules": ["0.0.0.0/0"],
    "key": {"id": "https://keys.vault.azure.net/keys/archive/0123", "scope": "/subscriptions/s/vault"},
    "key_vault_name": "1",
    "key_rotation_days": 7,
    "soft_delete_days": 365,
    "version_days": 0.5,
    "immutability": {"days": 0},
    "logging": {"days": 1},
    "identity": {"principal_id": "orthanc"},
    "storage_account_id": "hospital",
}
# Terraform looks at these only when the ones that they go with are well.
BAD_AFTER_OTHERS: Final[dict[str, Any]] = {
    "storage_account_name": "Hospital-1",
    "operator_ip_rules": ["anybody"],
    "transitions": {"cool": 0},
    "kubernetes": {"issuer_url": "https://oidc.example/", "namespace": "*", "service_account": "orthanc"},
}


def test_the_role_holds_what_the_verbs_need_and_nothing_else(terraform: Terraform) -> None:
    """Data actions, and what a batch of deletes needs."""
    applied = terraform.resources(MODULE, GIVEN)
    (permissions,) = applied["azurerm_role_definition.storage"]["permissions"]

    assert [f"{BLOBS}/{verb}" for verb in ("delete", "read", "write")] == sorted(permissions["data_actions"])
    assert [BATCH] == permissions["actions"]
    assert not permissions["not_actions"]
    assert not permissions["not_data_actions"]


def test_the_role_is_for_one_container_and_one_identity(terraform: Terraform) -> None:
    """Listing is the same right as reading, and refused by the condition."""
    applied = terraform.resources(MODULE, GIVEN)
    assignment = applied["azurerm_role_assignment.orthanc"]
    identity = applied["azurerm_user_assigned_identity.orthanc[0]"]
    account = applied["azurerm_storage_account.archive[0]"]["id"]

    assert f"{account}/blobServices/default/containers/archive" == assignment["scope"]
    assert identity["principal_id"] == assignment["principal_id"]
    assert f"!(ActionMatches{{'{BLOBS}/read'}} AND SubOperationMatches{{'Blob.List'}})" in assignment["condition"]
    assert [account.partition("/providers/")[0]] == applied["azurerm_role_definition.storage"]["assignable_scopes"]


def test_nobody_else_has_a_right_to_the_account(terraform: Terraform) -> None:
    """Of the other roles, one is for the account on its key, one for whoever makes that key."""
    applied = terraform.resources(MODULE, GIVEN)
    key = applied["azurerm_key_vault_key.archive[0]"]["resource_versionless_id"]
    vault = applied["azurerm_key_vault.archive[0]"]["id"]
    roles = {
        (values["role_definition_name"], values["scope"])
        for address, values in applied.items()
        if address.startswith("azurerm_role_assignment.") and address != "azurerm_role_assignment.orthanc"
    }

    assert {("Key Vault Crypto Service Encryption User", key), ("Key Vault Crypto Officer", vault)} == roles


def test_options_add_their_actions(terraform: Terraform) -> None:
    """Index tags are one more; listing takes the condition away."""
    found = terraform.resources(MODULE, WITH_MORE)
    (permissions,) = found["azurerm_role_definition.storage"]["permissions"]

    assert [f"{BLOBS}/{verb}" for verb in ("delete", "read", "tags/write", "write")] == sorted(
        permissions["data_actions"]
    )
    assert not found["azurerm_role_assignment.orthanc"]["condition"]


def test_actions_name_every_data_action_in_full(terraform: Terraform) -> None:
    """A wildcard would be more than is needed; sorted lists can be compared."""
    told = terraform.applied(MODULE, WITH_MORE)

    assert ["delete", "list", "put", "read", "read_range", "tags"] == sorted(told["actions"])
    for verb, needed in told["actions"].items():
        assert sorted(set(needed)) == needed, verb
        assert all(re.fullmatch(rf"{BLOBS}/(tags/)?[a-z]+|{BATCH}", name) for name in needed), verb
    assert {name for needed in told["actions"].values() for name in needed} == set(told["granted"])


@pytest.mark.parametrize(
    ("variables", "expected"),
    [(GIVEN, ("managed-identity", "", True)), (WITH_MORE, ("default", "site-a/ct", False))],
    ids=["plain", "more"],
)
def test_orthanc_takes_the_section(
    terraform: Terraform, variables: dict[str, Any], expected: tuple[str, str, bool]
) -> None:
    """The plugin's own strict model reads what the module puts out. There is no secret in it."""
    text = terraform.applied(MODULE, variables)["storage_plugins_json"]
    chosen = plan(OrthancConfiguration.from_host(text, ""))
    options = chosen.options

    assert isinstance(options, AzureOptions)
    assert ("hospital", "archive") == (options.account, options.container)
    assert "https://hospital.blob.core.windows.net" == options.endpoint
    assert expected == (options.credential, chosen.section.prefix, chosen.section.preflight)
    assert not options.account_key + options.sas_token + options.connection_string


@pytest.mark.parametrize("bad", [BAD, BAD_AFTER_OTHERS], ids=["alone", "after-others"])
def test_bad_values_are_refused_by_name(terraform: Terraform, bad: dict[str, Any]) -> None:
    """One message for each, which says how to write it."""
    told = refused(terraform, MODULE, {**GIVEN, **bad})

    assert [] == [name for name in bad if f"var.{name} is" not in told or f" {name}" not in told]


def test_what_does_not_go_together_is_refused(terraform: Terraform) -> None:
    """Each message names the other variable."""
    together = {
        "resource_group_name": "imaging",
        "location": "westeurope",
        "transitions": {"archive": 365},
        "object_replication": {"storage_account_id": "/subscriptions/s/second", "container_name": "archive"},
    }
    told = refused(terraform, MODULE, together)

    assert "Nobody would reach the account: give private_endpoint, allowed_subnet_ids or allowed_ip_rules" in told
    assert "The key vault would refuse Terraform: give operator_ip_rules" in told
    assert "Set rehydration_understood if that is wanted" in told
    assert "only with account_replication_type LRS, GRS or RAGRS" in told
    assert "object_replication needs version_days" in told
    assert "Give either storage_account_name, to create an account, or storage_account_id" in told


def test_terraform_sees_misspelt_attributes(tmp_path: Path) -> None:
    """A guard that is not spelt as the provider has it would guard nothing."""
    broken = changed(tmp_path / "broken", MISSPELT)
    broken.init(MODULE).checked()
    result = broken.run(MODULE, "validate", "-no-color")

    assert result.code != 0
    assert 'An argument named "minimum_tls_version" is not expected here' in result.text


def test_the_modules_own_tests_see_what_is_not_safe(tmp_path: Path) -> None:
    """Otherwise they would show nothing."""
    broken = changed(tmp_path / "broken", *UNSAFE)
    broken.init(MODULE).checked()
    result = broken.run(MODULE, "test", "-no-color", "-filter=tests/defaults.tftest.hcl")

    assert [] == [told for told in UNSAFE.values() if told not in result.text]
