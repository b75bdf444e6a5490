"""What the stub provider answers for attributes that a cloud computes, in the form of the cloud, the same each time."""

from __future__ import annotations

import zlib
from collections import defaultdict
from typing import Any, Final

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-central-1"
PROJECT: Final = "hospital-project"
SUBSCRIPTION: Final = "00000000-0000-0000-0000-00000000000a"

_GROUP: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{{resource_group_name}}/providers"

# In braces: what the configuration says.
_ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "aws_cloudwatch_log_group": {"arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{name}}"},
    "aws_iam_instance_profile": {"arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/{{name}}", "id": "{name}"},
    "aws_iam_policy": {"arn": f"arn:aws:iam::{ACCOUNT}:policy/{{name}}"},
    "aws_iam_role": {"arn": f"arn:aws:iam::{ACCOUNT}:role/{{name}}", "id": "{name}"},
    "aws_kms_key": {"arn": f"arn:aws:kms:{{region}}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"},
    "aws_s3_bucket": {"arn": "arn:aws:s3:::{bucket}", "id": "{bucket}"},
    "aws_secretsmanager_secret": {"arn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{{name}}-a1b2c3"},
    "data.aws_availability_zones": {"names": [f"{REGION}a", f"{REGION}b", f"{REGION}c"]},
    "data.aws_caller_identity": {"account_id": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:user/test"},
    "data.aws_partition": {"partition": "aws", "dns_suffix": "amazonaws.com"},
    "data.aws_region": {"region": REGION, "id": REGION, "name": REGION},
    "azurerm_key_vault": {
        "id": f"{_GROUP}/Microsoft.KeyVault/vaults/{{name}}",
        "vault_uri": "https://{name}.vault.azure.net/",
    },
    "azurerm_resource_group": {"id": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{{name}}"},
    "azurerm_storage_account": {
        "id": f"{_GROUP}/Microsoft.Storage/storageAccounts/{{name}}",
        "primary_blob_endpoint": "https://{name}.blob.core.windows.net/",
    },
    "azurerm_storage_container": {"id": "{storage_account_id}/blobServices/default/containers/{name}"},
    "azurerm_user_assigned_identity": {
        "id": f"{_GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/{{name}}",
        "client_id": "00000000-0000-0000-0000-0000000000c1",
        "principal_id": "00000000-0000-0000-0000-0000000000b1",
        "tenant_id": "00000000-0000-0000-0000-0000000000d1",
    },
    "data.azurerm_client_config": {
        "client_id": "00000000-0000-0000-0000-0000000000c2",
        "object_id": "00000000-0000-0000-0000-0000000000b2",
        "subscription_id": SUBSCRIPTION,
        "tenant_id": "00000000-0000-0000-0000-0000000000d1",
    },
    "data.azurerm_subscription": {"id": f"/subscriptions/{SUBSCRIPTION}", "subscription_id": SUBSCRIPTION},
    "google_kms_crypto_key": {"id": "{key_ring}/cryptoKeys/{name}"},
    "google_kms_key_ring": {"id": f"projects/{PROJECT}/locations/{{location}}/keyRings/{{name}}"},
    "google_project_iam_custom_role": {
        "id": f"projects/{PROJECT}/roles/{{role_id}}",
        "name": f"projects/{PROJECT}/roles/{{role_id}}",
    },
    "google_service_account": {
        "email": f"{{account_id}}@{PROJECT}.iam.gserviceaccount.com",
        "id": f"projects/{PROJECT}/serviceAccounts/{{account_id}}@{PROJECT}.iam.gserviceaccount.com",
        "member": f"serviceAccount:{{account_id}}@{PROJECT}.iam.gserviceaccount.com",
        "name": f"projects/{PROJECT}/serviceAccounts/{{account_id}}@{PROJECT}.iam.gserviceaccount.com",
    },
    "google_storage_bucket": {"id": "{name}", "url": "gs://{name}"},
    "data.google_client_config": {"project": PROJECT, "region": "europe-west3"},
    "data.google_project": {"number": "123456789012", "project_id": PROJECT},
    "data.google_storage_project_service_account": {
        "email_address": "service-123456789012@gs-project-accounts.iam.gserviceaccount.com",
        "member": "serviceAccount:service-123456789012@gs-project-accounts.iam.gserviceaccount.com",
    },
}


def of(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """Answers for a resource type, or a data source with `data.` before it. `given`: what the configuration says."""
    values = defaultdict(str, {"region": REGION} | {name: value for name, value in given.items() if value is not None})
    return {
        name: answer.format_map(values) if isinstance(answer, str) else answer
        for name, answer in _ANSWERS.get(kind, {}).items()
    }


def plain(kind: str, name: str, constraint: Any) -> Any:
    """An answer for any other attribute, of the type that the schema says."""
    match constraint:
        case "string":
            return f"{name}-{zlib.crc32(f'{kind}.{name}'.encode()):08x}"
        case ["object", members]:
            return {member: plain(kind, member, inner) for member, inner in members.items()}
        case [outer, _]:
            return {} if outer == "map" else []
        case _:
            return {"number": 0, "bool": False}.get(constraint)
