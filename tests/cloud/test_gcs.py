"""Google Cloud Storage with both engines, on fake-gcs-server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.auth.credentials import Credentials
from google.auth.exceptions import RefreshError

from storage_plugins.adapters.gcs import GcsOptions, GcsStore
from storage_plugins.errors import ConfigInvalid, StoreError
from storage_plugins.testing.media import read
from tests.cloud.conftest import ENGINES, Cloud, only

gcs = only("fake-gcs")


class Identity(Credentials):
    """Gives tokens for an hour, one after the other, or none."""

    def __init__(self, *, valid: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0
        self._valid = valid

    def refresh(self, request: object) -> None:
        """See google-auth."""
        del request
        if not self._valid:
            msg = "invalid_grant: the account is gone"
            raise RefreshError(msg, retryable=False)
        self.count += 1
        self.token = f"token-{self.count}"
        self.expiry = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)


@gcs
def test_a_token_serves_until_it_expires(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request has it, and one is enough."""
    identity = Identity(valid=True)
    monkeypatch.setattr("storage_plugins.adapters.gcs_credentials.find", lambda _: identity)
    with cloud.open(Anonymous=False) as store:
        for key in ("x", "y"):
            store.put(key, b"1")
            assert b"1" == read(store, key)

    assert {"Bearer token-1"} == {one.headers["Authorization"] for one in cloud.proxy.seen}
    assert 1 == identity.count


@gcs
def test_an_account_that_is_gone(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is not even asked."""
    monkeypatch.setattr("storage_plugins.adapters.gcs_credentials.find", lambda _: Identity(valid=False))
    with cloud.open(Anonymous=False) as store, pytest.raises(StoreError, match="the account is gone"):
        store.put("x", b"1")
    assert [] == cloud.proxy.requests()


@pytest.mark.parametrize("text", [None, "", "{}", '{"type": "service_account", "private_key": "no"}'])
def test_a_key_file_that_is_none(text: str | None, tmp_path: Path) -> None:
    """The configuration is refused before Orthanc starts, without the file's content."""
    file = tmp_path / "key.json"
    if text is not None:
        file.write_text(text)
    for engine in ENGINES:
        with pytest.raises(ConfigInvalid, match="ServiceAccountFile"):
            GcsStore(GcsOptions(Bucket="b", ServiceAccountFile=str(file), Engine=engine))
