"""Accounts and identities for Azure, for both engines: azure-identity finds tokens, we keep them."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError, ServiceRequestError, ServiceResponseError

from storage_plugins.adapters.object_store import Remedies
from storage_plugins.errors import AccessDenied, ConfigInvalid, Unavailable
from storage_plugins.filesystems.credentials import (
    REFUSED,
    UNREACHABLE,
    CredentialsFailed,
    Keeper,
    refused,
    unreachable,
)
from storage_plugins.filesystems.objects import Settings

REMEDIES: Final[Remedies] = {
    REFUSED: (
        AccessDenied,
        "Check Credential, ClientId and TenantId, and that the identity is assigned to this machine",
    ),
    UNREACHABLE: (Unavailable, "Check that Entra or the metadata service can be reached from here"),
}

_SCOPE = "https://storage.azure.com/.default"
_OVERLOADED = "it answered"
# One line of what a chain of credentials tells, up to the advice.
_ATTEMPT = re.compile(r"^\t(\w+: .+?)(?:\. |\.?$)", re.MULTILINE)
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


def for_sdk(kind: str, settings: Settings, *, client_id: str, tenant_id: str) -> Any:
    """What azure-storage-blob asks for a token. Raises ConfigInvalid when nobody can be asked."""
    return _Kept(_keeper(kind, _identity(kind, settings, client_id=client_id, tenant_id=tenant_id)))


def for_obstore(kind: str, settings: Settings, *, client_id: str, tenant_id: str) -> Callable[[], dict[str, Any]]:
    """What obstore asks. Raises as `for_sdk`."""
    keeper = _keeper(kind, _identity(kind, settings, client_id=client_id, tenant_id=tenant_id))
    return lambda: {"token": keeper.get().token}


class _Kept:
    """A credential as azure-core wants it. It is asked for one scope only."""

    def __init__(self, keeper: Keeper[AccessToken]) -> None:
        self._keeper = keeper

    def get_token(self, *_scopes: str, **_more: Any) -> AccessToken:
        return self._keeper.get()


def _identity(kind: str, settings: Settings, *, client_id: str, tenant_id: str) -> Any:
    import azure.identity as known  # noqa: PLC0415 - slow to import, and not needed with a key

    client: dict[str, Any] = {"client_id": client_id} if client_id else {}
    tenant: dict[str, Any] = {"tenant_id": tenant_id} if tenant_id else {}
    machine: dict[str, Any] = {
        "retry_total": 0,
        "connection_timeout": settings.connection_timeout,
        "read_timeout": settings.request_timeout,
        "raw_response_hook": _overloaded,
    }
    # An authority of one's own is not known to Microsoft's, and need not be: nobody asks there. The machine's own
    # service is never behind a proxy.
    entra: dict[str, Any] = {**machine, "disable_instance_discovery": "AZURE_AUTHORITY_HOST" in os.environ}
    if settings.proxy:
        entra["proxies"] = {"http": settings.proxy, "https": settings.proxy}
    try:
        match kind:
            case "managed-identity":
                return known.ManagedIdentityCredential(**client, **machine)
            case "workload-identity":
                return known.WorkloadIdentityCredential(**client, **tenant, **entra)
            case "environment":
                return known.EnvironmentCredential(**entra)
            case "cli":
                return known.AzureCliCredential(**tenant)
            case _:
                chosen = {"managed_identity_client_id": client_id, "workload_identity_client_id": client_id}
                return known.DefaultAzureCredential(**(chosen if client_id else {}), **machine)
    except ValueError as error:
        msg = f"cannot use Credential {kind}: {error}"
        raise ConfigInvalid(msg) from None


def _keeper(kind: str, credential: Any) -> Keeper[AccessToken]:
    def fetch() -> tuple[AccessToken, float]:
        token = credential.get_token(_SCOPE)
        return token, token.expires_on

    return Keeper(fetch, lambda error: _judge(f"Credential {kind}", error))


def _overloaded(response: Any) -> None:
    """Tells what azure-identity hides behind errors of its own."""
    status = response.http_response.status_code
    if status in (410, 429) or status >= 500:
        raise ServiceResponseError(f"{_OVERLOADED} {status}")


def _judge(who: str, error: Exception) -> CredentialsFailed:
    """Whether a failure to get a token is final."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ServiceRequestError | ServiceResponseError):
            return unreachable(who, cause.message)
        cause = cause.__cause__ or cause.__context__
    told = (error.message if isinstance(error, AzureError) else str(error)) or type(error).__name__
    told = "; ".join(_ATTEMPT.findall(told)) or told
    # Of the errors of its attempts, a chain keeps the text only.
    return (unreachable if _OVERLOADED in told else refused)(who, told)
