"""Azure Blob Storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from storage_plugins.adapters import azure_credentials
from storage_plugins.adapters.object_store import COMMON_REMEDIES, ObjectOptions, ObjectStore, Remedies
from storage_plugins.config.model import Model
from storage_plugins.errors import AccessDenied, Archived, ConfigInvalid, Unavailable
from storage_plugins.filesystems.objects import ObjectFileSystem

if TYPE_CHECKING:
    from storage_plugins.filesystems.azure import AzureFileSystem


class AzureOptions(ObjectOptions):
    """Options of the backend `azure`."""

    container: str = Field(min_length=3, max_length=63, pattern=r"^(\$root|\$web|[a-z0-9]+(-[a-z0-9]+)*)$")
    """Name of the container: small letters, digits and single dashes."""

    connection_string: str = Field(default="", repr=False)
    """Connection string of the account, as the portal shows it. It holds account, key or signature, and endpoint."""

    account: str = ""
    """Name of the account, without a connection string."""

    account_key: str = Field(default="", repr=False)
    """Key of the account."""

    sas_token: str = Field(default="", repr=False)
    """Shared access signature for the container."""

    endpoint: str = ""
    """URL of the account, when it is not `https://<Account>.blob.core.windows.net`."""

    credential: Literal["default", "managed-identity", "workload-identity", "environment", "cli"] = "default"
    """How to find an identity when no key or signature is given. `default` tries the others in turn."""

    client_id: str = ""
    """Client id of a user-assigned managed identity, or of the workload identity."""

    tenant_id: str = ""
    """Tenant of the workload identity."""

    create_container: bool = False
    """Whether to create the container when it is not there."""

    access_tier: Literal["Hot", "Cool", "Cold", "Archive", "Premium"] | None = None
    """Tier of new blobs. Those of Archive cannot be read before they are rehydrated."""

    encryption_scope: str = ""
    """Encryption scope of new blobs. Needs `Engine` sdk."""

    tags: dict[str, str] = Field(default={})
    """Index tags of every blob that is written."""

    @model_validator(mode="after")
    def _complete(self) -> AzureOptions:
        if not self.connection_string and not self.account:
            msg = "Account or ConnectionString is needed"
            raise ValueError(msg)
        if self.connection_string and (self.account or self.account_key or self.sas_token):
            msg = "ConnectionString already holds the account and its key: give either"
            raise ValueError(msg)
        if self.encryption_scope and self.engine == "obstore":
            msg = 'EncryptionScope needs Engine "sdk"'
            raise ValueError(msg)
        return self


class AzureStore(ObjectStore):
    """See the module."""

    Options: ClassVar[type[Model]] = AzureOptions
    permissions: ClassVar[dict[str, str]] = {
        verb: f"Microsoft.Storage/storageAccounts/blobServices/containers/{action}"
        for verb, action in {
            "write": "blobs/write",
            "read": "blobs/read",
            "delete": "blobs/delete",
            "describe": "blobs/read",
            "list": "blobs/read",
            "create": "write",
        }.items()
    }
    remedies: ClassVar[Remedies] = {
        **COMMON_REMEDIES,
        **azure_credentials.REMEDIES,
        "ContainerNotFound": (ConfigInvalid, "Create the container, correct its name, or set CreateContainer"),
        "BlobArchived": (Archived, "Rehydrate the blob (set its tier to Hot or Cool), then read it again"),
        "AuthenticationFailed": (AccessDenied, "Check the account key or signature, and the clock of this machine"),
        "AuthorizationPermissionMismatch": (
            AccessDenied,
            'The identity needs the role "Storage Blob Data Contributor", or at least {permission}',
        ),
        "AuthorizationFailure": (
            AccessDenied,
            "Check the firewall of the account, its key, and the role of the identity",
        ),
        "ServerBusy": (Unavailable, ""),
        "OperationTimedOut": (Unavailable, ""),
        "Md5Mismatch": (Unavailable, ""),
    }

    def __init__(self, options: Any) -> None:
        """See ObjectStore. Asks the cloud only to create the container."""
        super().__init__(options)
        if options.create_container:
            self._create_container(options)

    @classmethod
    def open_filesystem(cls, options: Any) -> ObjectFileSystem:
        """See ObjectStore."""
        return _sdk(options) if options.engine == "sdk" else _obstore(options)

    def _create_container(self, options: AzureOptions) -> None:
        filesystem = _sdk(options)  # obstore knows no containers
        try:
            filesystem.create_container()
        except Exception as error:
            self.close()
            failure = filesystem.failure(error)
            if failure is None:
                raise
            self._raise(failure, "create", f"container {options.container!r}", error)
        finally:
            filesystem.close()


def _account(options: AzureOptions) -> azure_credentials.Account:
    return azure_credentials.account(
        connection_string=options.connection_string,
        name=options.account,
        key=options.account_key,
        sas_token=options.sas_token,
        endpoint=options.endpoint,
    )


def _who(options: AzureOptions) -> dict[str, Any]:
    return {
        "kind": options.credential,
        "settings": options.settings,
        "client_id": options.client_id,
        "tenant_id": options.tenant_id,
    }


def _obstore(options: AzureOptions) -> ObjectFileSystem:
    # Each engine is imported when it is used: the other one's packages need not be installed.
    from obstore.exceptions import BaseError  # noqa: PLC0415
    from obstore.store import AzureStore as Container  # noqa: PLC0415

    from storage_plugins.filesystems.obstore import ObstoreFileSystem  # noqa: PLC0415

    account = _account(options)
    config: Any = {"account_name": account.name, "endpoint": account.endpoint}
    provider: Any = None
    if account.key:
        config["account_key"] = account.key
    elif account.sas_token:
        config["sas_key"] = account.sas_token
    else:
        provider = azure_credentials.for_obstore(**_who(options))
    try:
        return ObstoreFileSystem(
            Container,
            options.container,
            config,
            options.settings,
            endpoint=account.endpoint,
            credentials=provider,
            metadata=options.metadata,
            storage_class=options.access_tier,
            tags=options.tags,
        )
    except BaseError as error:
        raise ConfigInvalid(str(error).partition("\n")[0]) from None


def _sdk(options: AzureOptions) -> AzureFileSystem:
    from storage_plugins.filesystems.azure import AzureFileSystem, open_client  # noqa: PLC0415

    account = _account(options)
    credential: Any = account.key or account.sas_token or azure_credentials.for_sdk(**_who(options))
    if account.key:
        credential = {"account_name": account.name, "account_key": account.key}
    client = open_client(account.endpoint, options.container, credential, options.settings)
    return AzureFileSystem(
        client,
        options.settings,
        metadata=options.metadata,
        tags=options.tags,
        access_tier=options.access_tier,
        encryption_scope=options.encryption_scope,
    )
