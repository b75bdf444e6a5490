"""The module for Google Cloud Storage: the role, the section for Orthanc, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from google.auth import identity_pool

from storage_plugins.adapters.gcs import GcsOptions
from storage_plugins.compose import plan
from storage_plugins.config.orthanc import OrthancConfiguration
from tests.terraform.changed import changed
from tests.terraform.program import Terraform
from tests.terraform.refusals import refused

MODULE: Final = "modules/gcs"
ROLE: Final = "google_project_iam_custom_role.storage"
GIVEN: Final = {"project": "hospital-imaging", "bucket": "hospital-archive", "location": "europe-west3"}
WITH_MORE: Final = {
    **GIVEN,
    "allow_list": True,
    "prefix": "site-a/ct",
    "retention_days": 1,
    "federation": {
        "issuer_uri": "https://idp.hospital.example",
        "subject": "orthanc",
        "token_file": "/run/orthanc/token",
    },
}
# Terraform sees these, the module's own tests those below.
MISSPELT: Final = (
    (f"{MODULE}/main.tf", "public_access_prevention ", "prevent_public_access "),
    (f"{MODULE}/identity.tf", "permissions = local.granted", "permission = local.granted"),
)
UNSAFE: Final = {
    (f"{MODULE}/main.tf", '"enforced"', '"inherited"'): "The bucket could be made public",
    (f"{MODULE}/main.tf", "var.soft_delete_days * 86400", "var.soft_delete_days * 864000"): "What was deleted stays",
    (
        f"{MODULE}/encryption.tf",
        "var.key_rotation_days * 86400",
        "var.key_rotation_days * 864000",
    ): "The key is not rotated",
    (f"{MODULE}/actions.tf", 'if verb != "list" || var.allow_list', ""): "Orthanc may list",
}
PERMISSIONS: Final = [
    "storage.multipartUploads.abort",
    "storage.multipartUploads.create",
    "storage.objects.create",
    "storage.objects.delete",
    "storage.objects.get",
]


# Each is refused with a message that names it.
BAD: Final[dict[str, Any]] = {
    "project": "Hospital Imaging",
    "bucket": "Hospital",
    "location": "somewhere in Europe",
    "prefix": "site/",
    "storage_class": "HOT",
    "transitions": {"NEARLINE": 0},
    "kms_key": "archive",
    "key_rotation_days": 0,
    "soft_delete_days": 3,
    "version_days": -1,
    "abort_upload_days": 0,
    "retention_days": -1,
    "service_account_id": "me",
    "service_account_email": "orthanc@example.org",
    "gke": {"namespace": "*", "service_account": "orthanc"},
    "federation": {"issuer_uri": "http://idp.example", "subject": "*", "token_file": "token"},
}
# Terraform looks at it only when the location is well.
BAD_AFTER_OTHERS: Final[dict[str, Any]] = {"data_locations": ["europe-west3"]}


def test_the_role_holds_what_the_verbs_need_and_nothing_else(terraform: Terraform) -> None:
    """Only a variable adds listing."""
    applied, listing = terraform.resources(MODULE, GIVEN), terraform.resources(MODULE, WITH_MORE)

    assert PERMISSIONS == sorted(applied[ROLE]["permissions"])
    assert [*PERMISSIONS, "storage.objects.list"] == sorted(listing[ROLE]["permissions"])


def test_the_role_is_for_one_bucket_and_one_identity(terraform: Terraform) -> None:
    """Not for the project, and for no other member."""
    applied = terraform.resources(MODULE, GIVEN)
    granted = applied["google_storage_bucket_iam_member.orthanc"]
    account = applied["google_service_account.orthanc[0]"]

    assert "hospital-archive" == granted["bucket"]
    assert applied[ROLE]["id"] == granted["role"]
    assert f"serviceAccount:{account['email']}" == granted["member"]


def test_nobody_else_has_a_right(terraform: Terraform) -> None:
    """But Cloud Storage itself, on the key. Nobody has a key file."""
    applied = terraform.resources(MODULE, GIVEN)
    kinds = [address for address in applied if "_iam_" in address and "custom_role" not in address]
    on_key = applied["google_kms_crypto_key_iam_member.storage"]

    assert [
        "google_kms_crypto_key_iam_member.storage",
        "google_project_iam_audit_config.storage[0]",
        "google_storage_bucket_iam_member.orthanc",
    ] == sorted(kinds)
    assert re.fullmatch(r"serviceAccount:service-\d+@gs-project-accounts\.iam\.gserviceaccount\.com", on_key["member"])
    assert applied["google_kms_crypto_key.archive[0]"]["id"] == on_key["crypto_key_id"]
    assert not [address for address in applied if address.startswith("google_service_account_key")]


def test_actions_name_every_permission_in_full(terraform: Terraform) -> None:
    """A wildcard would be more than is needed; sorted lists can be compared."""
    told = terraform.applied(MODULE, WITH_MORE)

    assert ["delete", "list", "put", "read", "read_range"] == sorted(told["actions"])
    for verb, needed in told["actions"].items():
        assert sorted(set(needed)) == needed, verb
        assert all(re.fullmatch(r"storage\.(objects|multipartUploads)\.[a-zA-Z]+", name) for name in needed), verb
    assert {name for needed in told["actions"].values() for name in needed} == set(told["granted"])


@pytest.mark.parametrize(
    ("variables", "expected"), [(GIVEN, ("", True)), (WITH_MORE, ("site-a/ct", False))], ids=["plain", "more"]
)
def test_orthanc_takes_the_section(terraform: Terraform, variables: dict[str, Any], expected: tuple[str, bool]) -> None:
    """The plugin's own strict model reads what the module puts out. There is no key file in it."""
    text = terraform.applied(MODULE, variables)["storage_plugins_json"]
    chosen = plan(OrthancConfiguration.from_host(text, ""))

    assert isinstance(chosen.options, GcsOptions)
    assert "hospital-archive" == chosen.options.bucket
    assert chosen.options.service_account_file is None
    assert expected == (chosen.section.prefix, chosen.section.preflight)


def test_googles_library_takes_the_credentials_of_a_federation(terraform: Terraform) -> None:
    """They hold no secret: only where the token is, and whom to ask."""
    told = json.loads(terraform.applied(MODULE, WITH_MORE)["federation_credentials_json"])
    credentials = identity_pool.Credentials.from_info(told)

    assert "orthanc-storage@hospital-project.iam.gserviceaccount.com" == credentials.service_account_email
    assert re.fullmatch(r"//iam\.googleapis\.com/.+/providers/oidc", told["audience"])
    assert {"file": "/run/orthanc/token"} == told["credential_source"]
    assert not {"private_key", "client_secret"} & set(told)


@pytest.mark.parametrize("bad", [BAD, BAD_AFTER_OTHERS], ids=["alone", "after-others"])
def test_bad_values_are_refused_by_name(terraform: Terraform, bad: dict[str, Any]) -> None:
    """One message for each, which says how to write it."""
    told = refused(terraform, MODULE, {**GIVEN, **bad})

    assert [] == [name for name in bad if f"var.{name} is" not in told or f" {name}" not in told]


def test_what_does_not_go_together_is_refused(terraform: Terraform) -> None:
    """Each message names the other variable."""
    together = {"restrict_to_prefix": True, "retention_locked": True, "turbo_replication": True}
    told = refused(terraform, MODULE, {**GIVEN, **together})

    assert "restrict_to_prefix needs a prefix" in told
    assert "retention_locked needs retention_days" in told
    assert "turbo_replication needs a dual region: give data_locations" in told


def test_terraform_sees_misspelt_attributes(tmp_path: Path) -> None:
    """A guard that is not spelt as the provider has it would guard nothing."""
    broken = changed(tmp_path / "broken", *MISSPELT)
    broken.init(MODULE).checked()
    told = broken.run(MODULE, "validate", "-no-color").text

    assert [] == [new for _, _, new in MISSPELT if f'named "{new.split()[0]}" is not expected' not in told]


def test_the_modules_own_tests_see_what_is_not_safe(tmp_path: Path) -> None:
    """Otherwise they would show nothing."""
    broken = changed(tmp_path / "broken", *UNSAFE)
    broken.init(MODULE).checked()
    result = broken.run(MODULE, "test", "-no-color", "-filter=tests/defaults.tftest.hcl")

    assert [] == [told for told in UNSAFE.values() if told not in result.text]


def test_a_wildcard_is_seen(tmp_path: Path) -> None:
    """By the comparison of the whole role: Terraform takes it."""
    wildcard = (f"{MODULE}/actions.tf", 'read       = ["storage.objects.get"]', 'read       = ["storage.*"]')
    broken = changed(tmp_path / "broken", wildcard)

    assert PERMISSIONS != sorted(broken.resources(MODULE, GIVEN)[ROLE]["permissions"])
