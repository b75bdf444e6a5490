"""Credentials for S3, for both engines, as the AWS command line finds them: botocore finds, we keep."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any, Final

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    Credentials,
    DeferredRefreshableCredentials,
    ReadOnlyCredentials,
)
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - what its clients raise
    CredentialRetrievalError,
    HTTPClientError,
    MetadataRetrievalError,
)
from pydantic import Field, model_validator

from storage_plugins.adapters.object_store import ObjectOptions, Remedies
from storage_plugins.errors import AccessDenied, ConfigInvalid, Unavailable
from storage_plugins.filesystems.credentials import (
    REFUSED,
    UNREACHABLE,
    CredentialsFailed,
    Keeper,
    refused,
    unreachable,
)

REMEDIES: Final[Remedies] = {
    REFUSED: (AccessDenied, "Check the profile, the role and whom it trusts, or log in again"),
    UNREACHABLE: (Unavailable, "Check that the token service or the metadata service can be reached from here"),
}

# It logs a traceback for what we tell in one line.
logging.getLogger("botocore.credentials").setLevel(logging.ERROR)

# What STS says when it is not the request's fault, though some of it comes as 400.
_PASSING = {"Throttling", "ThrottlingException", "RequestLimitExceeded", "IDPCommunicationError", "RequestTimeout"}
# The only trace that botocore leaves of the status of a metadata service.
_NOT_200 = re.compile(r"non 200 response 4\d\d")


class CredentialOptions(ObjectOptions):
    """The options that say who we are."""

    region: str = "us-east-1"
    """Region of the bucket. Servers other than Amazon's take any."""

    access_key: str = Field(default="", repr=False)
    """Static key. Without one, credentials are found as by the AWS command line: environment, profile, web identity
    (IRSA), container, instance."""

    secret_key: str = Field(default="", repr=False)
    """Secret of `AccessKey`."""

    session_token: str = Field(default="", repr=False)
    """Token of temporary keys."""

    profile: str = ""
    """Profile of `~/.aws/config`."""

    role_arn: str = ""
    """Role to take on (AssumeRole) with the credentials found."""

    external_id: str = Field(default="", repr=False)
    """External id for `RoleArn`."""

    role_session_name: str = "orthanc"
    """How the session of `RoleArn` is called in the account's log."""

    sts_endpoint: str = ""
    """URL of the token service for `RoleArn`, when it is not Amazon's."""

    @model_validator(mode="after")
    def _complete_credentials(self) -> CredentialOptions:
        for first, second in (("access_key", "secret_key"), ("secret_key", "access_key"), ("external_id", "role_arn")):
            if getattr(self, first) and not getattr(self, second):
                fields = type(self).model_fields
                msg = f"{fields[first].alias} is given without {fields[second].alias}"
                raise ValueError(msg)
        return self


def for_sdk(options: CredentialOptions) -> boto3.session.Session:
    """A session with the credentials. Raises ConfigInvalid when there are none, Unavailable when nobody answers."""
    core = _core(options)
    if options.access_key and not options.role_arn:
        core.set_credentials(options.access_key, options.secret_key, options.session_token or None)
    else:
        core._credentials = _Kept(_keeper(core, options))  # noqa: SLF001 - botocore's own way has no other door
    return boto3.session.Session(botocore_session=core, region_name=options.region)


def for_obstore(options: CredentialOptions) -> Callable[[], dict[str, Any]]:
    """What obstore asks. Raises as `for_sdk`."""
    keeper = _keeper(_core(options), options)

    def provide() -> dict[str, Any]:
        found = keeper.get()
        return {"access_key_id": found.access_key, "secret_access_key": found.secret_key, "token": found.token}

    return provide


class _Kept(Credentials):  # type: ignore[misc]
    """For botocore, which asks for every signature."""

    def __init__(self, keeper: Keeper[ReadOnlyCredentials]) -> None:
        super().__init__("", "")
        self._keeper = keeper

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return self._keeper.get()


def _core(options: CredentialOptions) -> Any:
    """A session whose clients of token services wait no longer than any request, and make it once."""
    core = botocore.session.Session(profile=options.profile or None)
    try:
        if not core.get_config_variable("region"):
            core.set_config_variable("region", options.region)  # where the token service is asked
    except BotoCoreError as error:
        msg = f"cannot use the AWS configuration: {error}"
        raise ConfigInvalid(msg) from None
    settings = options.settings
    core.set_default_client_config(
        Config(
            connect_timeout=settings.connection_timeout,
            read_timeout=settings.request_timeout,
            retries={"mode": "standard", "total_max_attempts": 1},
            proxies={"http": settings.proxy, "https": settings.proxy} if settings.proxy else None,
        )
    )
    return core


def _keeper(core: Any, options: CredentialOptions) -> Keeper[ReadOnlyCredentials]:
    try:
        if options.access_key:
            found = Credentials(options.access_key, options.secret_key, options.session_token or None)
        else:
            found = core.get_credentials()
    except (BotoCoreError, ClientError) as error:
        failure = _judge("AWS", error).failure
        kind, remedy = (ConfigInvalid, "") if failure.code == REFUSED else REMEDIES[failure.code]
        msg = f"cannot use the AWS credentials: {failure.code} {failure.message}. {remedy}"
        raise kind(msg.removesuffix(". ")) from None
    if found is None:
        msg = (
            "no AWS credentials: give AccessKey and SecretKey, Profile, the variables AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, a web identity, or a role of this machine or container"
        )
        raise ConfigInvalid(msg)
    source = _assumed(core, found, options) if options.role_arn else found
    who = f"role {options.role_arn}" if options.role_arn else source.method

    def fetch() -> tuple[ReadOnlyCredentials, float | None]:
        frozen = source.get_frozen_credentials()
        end = getattr(source, "_expiry_time", None)  # botocore tells it nowhere else
        return frozen, end.timestamp() if end else None

    return Keeper(fetch, lambda error: _judge(who, error))


def _assumed(core: Any, found: Any, options: CredentialOptions) -> DeferredRefreshableCredentials:
    extra = {"RoleSessionName": options.role_session_name}
    if options.external_id:
        extra["ExternalId"] = options.external_id

    def client(service: str, **arguments: Any) -> Any:
        if options.sts_endpoint:
            arguments["endpoint_url"] = options.sts_endpoint
        return core.create_client(service, region_name=options.region, **arguments)

    fetcher = AssumeRoleCredentialFetcher(client, found, options.role_arn, extra_args=extra)
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


def _judge(who: str, error: Exception) -> CredentialsFailed:
    """Whether a failure to get credentials is final."""
    match error:
        case ClientError():
            told = error.response.get("Error", {})
            code = str(told.get("Code", ""))
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            passing = status >= 500 or status == 429 or code in _PASSING
            return (unreachable if passing else refused)(who, f"{code}: {told.get('Message', '')}")
        case HTTPClientError() | ConnectionError():
            return unreachable(who, error)
        case CredentialRetrievalError() | MetadataRetrievalError() if not _NOT_200.search(str(error)):
            return unreachable(who, error)
        case _:
            return refused(who, str(error) or type(error).__name__)
