"""Credentials for Google Cloud Storage, for both engines, as Google's own libraries find them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from storage_plugins.errors import ConfigInvalid

_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
# A token that is younger than this is used as it is: google-auth itself refreshes in the last four minutes.
_RESERVE = timedelta(minutes=5)


def find(key_file: str | None) -> Any:
    """Credentials of google-auth. Raises ConfigInvalid when there are none."""
    import google.auth  # noqa: PLC0415 - slow to import
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
    from google.oauth2 import service_account  # noqa: PLC0415

    try:
        if key_file:
            return service_account.Credentials.from_service_account_file(key_file, scopes=[_SCOPE])
        credentials, _ = google.auth.default(scopes=[_SCOPE])
    except OSError as error:
        msg = f"cannot read ServiceAccountFile {key_file}: {error.strerror}"
        raise ConfigInvalid(msg) from error
    except (ValueError, GoogleAuthError) as error:
        what = f"ServiceAccountFile {key_file}" if key_file else "the application default credentials"
        msg = f"cannot use {what}: {str(error).partition(chr(10))[0]}"
        raise ConfigInvalid(msg) from None
    return credentials


def anonymous() -> Any:
    """No credentials."""
    from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415

    return AnonymousCredentials()


def nobody() -> dict[str, Any]:
    """For obstore, which otherwise looks for credentials in the network of the machine."""
    return {"token": "anonymous", "expires_at": None}


def for_obstore(credentials: Any) -> Callable[[], dict[str, Any]]:
    """What obstore calls when it has no token, or when the one it has expires."""
    from google.auth.transport.requests import Request  # noqa: PLC0415

    def provide() -> dict[str, Any]:
        expiry = credentials.expiry
        if not credentials.token or (expiry and expiry.replace(tzinfo=UTC) - datetime.now(UTC) < _RESERVE):
            credentials.refresh(Request())
        expires = credentials.expiry
        return {"token": credentials.token, "expires_at": expires.replace(tzinfo=UTC) - _RESERVE if expires else None}

    return provide
