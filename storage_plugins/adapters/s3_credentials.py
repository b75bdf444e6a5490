"""Credentials for S3, for both engines, as the AWS command line finds them.

Whatever expires is refreshed by botocore, well before it does: 15 minutes ahead if it can, 10 minutes at the latest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import botocore.session
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError

from storage_plugins.errors import ConfigInvalid

# The obstore engine asks again after this time. Less than the 10 minutes in which botocore must refresh.
_ASK_AGAIN = timedelta(minutes=4)


@dataclass(frozen=True, slots=True)
class Source:
    """Where credentials come from. An empty text is not given.

    Without a key: environment, profile, web identity, container, instance, in botocore's order.
    """

    region: str
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    profile: str = ""
    role_arn: str = ""
    external_id: str = field(default="", repr=False)
    role_session_name: str = "orthanc"
    sts_endpoint: str = ""


def session(source: Source) -> boto3.session.Session:
    """A session whose credentials refresh themselves. Raises ConfigInvalid when there are none."""
    try:
        core = botocore.session.Session(profile=source.profile or None)
        if source.access_key:
            core.set_credentials(source.access_key, source.secret_key, source.session_token or None)
        if source.sts_endpoint:
            core.set_config_variable("endpoint_url", None)
        found = core.get_credentials()
        if found is None:
            msg = (
                "no AWS credentials: give AccessKey and SecretKey, Profile, the variables AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, a web identity, or a role of this machine or container"
            )
            raise ConfigInvalid(msg)
        if source.role_arn:
            core._credentials = _assumed(core, found, source)  # noqa: SLF001 - botocore's own way has no other door
    except BotoCoreError as error:
        msg = f"cannot use the AWS credentials: {error}"
        raise ConfigInvalid(msg) from None
    return boto3.session.Session(botocore_session=core, region_name=source.region)


def _assumed(core: Any, found: Any, source: Source) -> DeferredRefreshableCredentials:
    extra = {"RoleSessionName": source.role_session_name}
    if source.external_id:
        extra["ExternalId"] = source.external_id

    def client(service: str, **arguments: Any) -> Any:
        if source.sts_endpoint:
            arguments["endpoint_url"] = source.sts_endpoint
        return core.create_client(service, region_name=source.region, **arguments)

    fetcher = AssumeRoleCredentialFetcher(client, found, source.role_arn, extra_args=extra)
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


def for_obstore(source: Source) -> Callable[[], dict[str, Any]]:
    """What obstore calls when it has no credentials, or when those it has expire."""
    credentials = session(source).get_credentials()

    def provide() -> dict[str, Any]:
        frozen = credentials.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + _ASK_AGAIN,
        }

    return provide
