"""Credentials for Google Cloud Storage, for both engines: Google's library finds them, we keep them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC
from typing import Any, Final

import google.auth
import requests
from google.auth.credentials import AnonymousCredentials, Credentials, with_scopes_if_required
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from google.auth.transport.requests import Request
from google.oauth2 import service_account

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
    REFUSED: (AccessDenied, "Check the key file or the federation, and that the service account is not disabled"),
    UNREACHABLE: (Unavailable, "Check that Google's token service or the metadata server can be reached from here"),
}

_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
# The only trace that google-auth leaves of the status of the metadata server.
_NOT_FOUND = re.compile(r"Status: 4\d\d")


def for_sdk(key_file: str | None, settings: Settings) -> Credentials:
    """What the session of google-auth asks. Raises as `find`."""
    found = find(key_file)
    return _Kept(found, _keeper(key_file, found, settings))


def for_obstore(key_file: str | None, settings: Settings) -> Callable[[], dict[str, Any]]:
    """What obstore asks. Raises as `find`."""
    keeper = _keeper(key_file, find(key_file), settings)
    return lambda: {"token": keeper.get()}


def anonymous() -> Credentials:
    """No credentials."""
    return AnonymousCredentials()


def nobody() -> dict[str, Any]:
    """For obstore, which otherwise looks for credentials in the network of the machine."""
    return {"token": "anonymous"}


class _Kept(Credentials):
    """For the session of google-auth, which asks before every request."""

    def __init__(self, found: Any, keeper: Keeper[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._found = found
        self._keeper = keeper

    def before_request(self, request: Any, method: str, url: str, headers: Any) -> None:  # noqa: ARG002 - its interface
        self._found.apply(headers, token=self._keeper.get())

    def refresh(self, request: Any) -> None:  # noqa: ARG002 - its interface
        """The storage has refused the token."""
        self._keeper.forget()


class _Request(Request):
    """A request to a token service takes no longer than any other. The metadata server is never behind a proxy."""

    def __init__(self, settings: Settings) -> None:
        session = requests.Session()
        if settings.proxy:
            session.proxies = {"http": settings.proxy, "https": settings.proxy}
            session.proxies |= {"http://metadata.google.internal": "", "http://169.254.169.254": ""}
        super().__init__(session)
        self._timeout = settings.request_timeout

    def __call__(
        self, url: str, method: str = "GET", body: Any = None, headers: Any = None, timeout: Any = None, **more: Any
    ) -> Any:
        timeout = min(timeout or self._timeout, self._timeout)
        return super().__call__(url, method, body, headers, timeout, **more)  # type: ignore[no-untyped-call]


def find(key_file: str | None) -> Any:
    """Credentials of google-auth. Raises ConfigInvalid when there are none."""
    try:
        if key_file:
            return service_account.Credentials.from_service_account_file(key_file, scopes=[_SCOPE])
        found, _ = google.auth.default()  # with a scope it would ask for the project too, with a right we do not need
        return with_scopes_if_required(found, [_SCOPE])
    except OSError as error:
        msg = f"cannot read ServiceAccountFile {key_file}: {error.strerror}"
        raise ConfigInvalid(msg) from error
    except (ValueError, GoogleAuthError) as error:
        msg = f"cannot use the credentials of {_name(key_file)}: {str(error).partition(chr(10))[0]}"
        raise ConfigInvalid(msg) from None


def _name(key_file: str | None) -> str:
    return f"ServiceAccountFile {key_file}" if key_file else "the application default"


def _keeper(key_file: str | None, credentials: Any, settings: Settings) -> Keeper[str]:
    request = _Request(settings)

    def fetch() -> tuple[str, float | None]:
        credentials.refresh(request)
        end = credentials.expiry  # in UTC, without saying so
        return credentials.token, end.replace(tzinfo=UTC).timestamp() if end else None

    return Keeper(fetch, lambda error: _judge(_name(key_file), error))


def _judge(who: str, error: Exception) -> CredentialsFailed:
    """Whether a failure to get a token is final."""
    told = error.args[0] if error.args else type(error).__name__  # the others are the whole answer
    passing = isinstance(error, TransportError) or isinstance(error.__cause__, TransportError)
    passing = (passing and not _NOT_FOUND.search(str(told))) or (isinstance(error, RefreshError) and error.retryable)
    return (unreachable if passing else refused)(who, told)
