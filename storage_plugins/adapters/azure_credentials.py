"""Accounts and identities for Azure, for both engines. azure-identity refreshes tokens before they expire."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from storage_plugins.errors import ConfigInvalid

_SCOPE = "https://storage.azure.com/.default"
_EMULATOR = {
    "AccountName": "devstoreaccount1",
    # The key of every emulator, published by Microsoft.
    "AccountKey": "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
    "BlobEndpoint": "http://127.0.0.1:10000/devstoreaccount1",
}


@dataclass(frozen=True, slots=True)
class Account:
    """Where the blobs are, and the secret for them if there is one."""

    name: str
    endpoint: str
    key: str = field(default="", repr=False)
    sas_token: str = field(default="", repr=False)


def account(*, connection_string: str, name: str, key: str, sas_token: str, endpoint: str) -> Account:
    """From the options. Raises ConfigInvalid when the connection string has no account, or a secret is not one."""
    if connection_string:
        parts = dict(part.split("=", 1) for part in connection_string.strip().strip(";").split(";") if "=" in part)
        if parts.get("UseDevelopmentStorage", "").lower() == "true":
            parts = _EMULATOR
        name, key = parts.get("AccountName", ""), parts.get("AccountKey", "")
        sas_token = parts.get("SharedAccessSignature", "")
        protocol = parts.get("DefaultEndpointsProtocol", "https")
        suffix = parts.get("EndpointSuffix", "core.windows.net")
        endpoint = endpoint or parts.get("BlobEndpoint", f"{protocol}://{name}.blob.{suffix}" if name else "")
        if not endpoint:
            msg = "ConnectionString has neither AccountName nor BlobEndpoint: copy it from the portal, Access keys"
            raise ConfigInvalid(msg)
        name = name or endpoint.partition("://")[2].partition(".")[0]
    try:
        base64.b64decode(key, validate=True)
    except ValueError:
        msg = "the key of the account is not in base64: copy it from the portal, Access keys"
        raise ConfigInvalid(msg) from None
    if sas_token and "sig=" not in sas_token:
        msg = "the shared access signature has no `sig=`: copy the whole of it"
        raise ConfigInvalid(msg)
    endpoint = (endpoint or f"https://{name}.blob.core.windows.net").rstrip("/")
    return Account(name, endpoint, key, sas_token.lstrip("?"))


def identity(kind: str, *, client_id: str, tenant_id: str) -> Any:
    """A credential of azure-identity. Raises ConfigInvalid when it cannot be made."""
    import azure.identity as known  # noqa: PLC0415 - slow to import, and not needed with a key

    client: dict[str, Any] = {"client_id": client_id} if client_id else {}
    tenant: dict[str, Any] = {"tenant_id": tenant_id} if tenant_id else {}
    try:
        match kind:
            case "managed-identity":
                return known.ManagedIdentityCredential(**client)
            case "workload-identity":
                return known.WorkloadIdentityCredential(**client, **tenant)
            case "environment":
                return known.EnvironmentCredential()
            case "cli":
                return known.AzureCliCredential(**tenant)
            case _:
                chosen = {"managed_identity_client_id": client_id, "workload_identity_client_id": client_id}
                return known.DefaultAzureCredential(**(chosen if client_id else {}))
    except ValueError as error:
        msg = f"cannot use Credential {kind}: {error}"
        raise ConfigInvalid(msg) from None


def for_obstore(credential: Any) -> Callable[[], dict[str, Any]]:
    """What obstore calls when it has no token, or when the one it has expires."""

    def provide() -> dict[str, Any]:
        token = credential.get_token(_SCOPE)
        return {"token": token.token, "expires_at": datetime.fromtimestamp(token.expires_on, UTC)}

    return provide
