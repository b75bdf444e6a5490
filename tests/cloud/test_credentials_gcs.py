"""Credentials for Google Cloud Storage: each way to them, their renewal, and what it means when there are none."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt
from google.auth.compute_engine import _metadata

from storage_plugins.adapters.gcs import GcsOptions, GcsStore
from storage_plugins.errors import AccessDenied, ConfigInvalid, StoreError, Unavailable
from storage_plugins.testing.media import read
from tests.cloud.conftest import every_verb
from tests.cloud.hammer import hammer
from tests.servers import Servers
from tests.servers.forward_proxy import ForwardProxy
from tests.servers.gcs import GcsMedium
from tests.servers.metadata import Answer, Asked, Gate, Issuer, Metadata, offline

NOBODY = "http://127.0.0.1:9"
SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE = _RSA.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
PUBLIC = _RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@dataclass(slots=True)
class Scene:
    """A bucket that takes what the issuer has given out, a token service that gives to everybody, an empty machine."""

    bucket: str
    engine: str
    medium: GcsMedium
    gate: Gate
    tokens: Metadata
    issuer: Issuer
    folder: Path
    variables: pytest.MonkeyPatch
    stack: ExitStack

    def open(self, **more: Any) -> GcsStore:
        """A store that is told nothing of credentials."""
        given = {"Bucket": self.bucket, "Endpoint": self.gate.endpoint, "Engine": self.engine, **more}
        store = GcsStore(GcsOptions(**given))
        self.stack.callback(store.close)
        return store

    def write(self, name: str, content: dict[str, Any] | str) -> str:
        """A file; its path."""
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)


@pytest.fixture(params=["obstore", "sdk"])
def scene(
    request: pytest.FixtureRequest, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    """With each engine. Nothing of this machine's own configuration is seen."""
    for name in [name for name in os.environ if name.startswith(("GOOGLE_", "GCE_", "CLOUDSDK_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", "127.0.0.1:9")  # it reads the variable when it is imported
    monkeypatch.setenv("GCE_METADATA_IP", "127.0.0.1:9")
    server = servers.get("fake-gcs")
    bucket = f"b{uuid.uuid4().hex[:20]}"
    issuer = Issuer()

    def give(_: Asked) -> Answer:
        kind = "urn:ietf:params:oauth:token-type:access_token"
        answer = {"access_token": issuer.issue()[0], "expires_in": int(issuer.lifetime), "token_type": "Bearer"}
        return 200, {**answer, "issued_token_type": kind}

    with ExitStack() as stack:
        stack.enter_context(offline(monkeypatch))
        medium = server.bucket(bucket)
        gate = stack.enter_context(Gate(f"127.0.0.1:{server.port}", issuer))
        tokens = stack.enter_context(Metadata({"token": give}))
        yield Scene(bucket, request.param, medium, gate, tokens, issuer, tmp_path, monkeypatch, stack)


def _account(scene: Scene, token_uri: str = "") -> str:
    return scene.write(
        "account.json",
        {
            "type": "service_account",
            "client_email": "orthanc@ward.iam.gserviceaccount.com",
            "private_key": PRIVATE,
            "private_key_id": "1",
            "token_uri": token_uri or f"{scene.tokens.endpoint}/token",
        },
    )


def _key_file(scene: Scene) -> dict[str, Any]:
    return {"ServiceAccountFile": _account(scene)}


def _default_credentials(scene: Scene) -> dict[str, Any]:
    scene.variables.setenv("GOOGLE_APPLICATION_CREDENTIALS", _account(scene))
    return {}


def _federation(scene: Scene) -> dict[str, Any]:
    source = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{scene.tokens.endpoint}/v1/token",
        "credential_source": {"file": scene.write("pod-token", "a.pod.token")},
    }
    scene.variables.setenv("GOOGLE_APPLICATION_CREDENTIALS", scene.write("federation.json", source))
    return {}


def _machine(scene: Scene) -> dict[str, Any]:
    email = "orthanc@ward.iam.gserviceaccount.com"
    scene.tokens.routes["/service-accounts/default/"] = lambda _: (200, {"email": email, "scopes": [SCOPE]})
    scene.tokens.routes["/project-id"] = lambda _: (200, "ward")
    scene.tokens.routes["/"] = lambda _: (200, "computeMetadata/")
    scene.variables.setattr(_metadata, "_GCE_METADATA_HOST", scene.tokens.host)
    scene.variables.setenv("GCE_METADATA_IP", scene.tokens.host)
    return {}


Way = Callable[[Scene], dict[str, Any]]
WAYS = [_key_file, _default_credentials, _federation, _machine]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.strip("_"))
def test_the_token_found_is_used(scene: Scene, way: Way) -> None:
    """For every request: the storage takes no others. One token is enough."""
    store = scene.open(**way(scene))
    store.put("x", b"some bytes")

    assert b"some bytes" == read(store, "x")
    assert b"some bytes" == scene.medium.read("x")
    assert ["x"] == [info.key for info in store.list()]
    store.delete("x")
    assert set() == scene.medium.keys()
    assert {"issued0"} == set(scene.gate.used)
    assert 1 == len([asked for asked in scene.tokens.asked if asked.path.endswith("token")])


def test_what_a_key_file_signs(scene: Scene) -> None:
    """The token service gets a claim of the account for storage only, signed with its key."""
    scene.open(**_key_file(scene)).put("x", b"1")

    (asked,) = scene.tokens.asked
    claim = jwt.decode(asked.given["assertion"], certs=PUBLIC, audience="https://oauth2.googleapis.com/token")
    assert "orthanc@ward.iam.gserviceaccount.com" == claim["iss"]
    assert SCOPE == claim["scope"]


def test_what_a_federation_sends(scene: Scene) -> None:
    """The token of the pod is exchanged."""
    scene.open(**_federation(scene)).put("x", b"1")

    (asked,) = scene.tokens.asked
    assert "a.pod.token" == asked.given["subject_token"]
    assert SCOPE == asked.given["scope"]
    assert asked.given["audience"].endswith("/providers/k")


def test_the_token_service_is_asked_through_the_proxy(scene: Scene) -> None:
    """As all the rest."""
    with ForwardProxy() as forward:
        scene.open(**_key_file(scene), Proxy=forward.endpoint).put("x", b"1")

    assert f"POST {scene.tokens.endpoint}/token" in forward.seen


def test_renewal_fails_no_request(scene: Scene) -> None:
    """Tokens are renewed before they end, by one request at a time."""
    scene.issuer.lifetime = 4
    store = scene.open(**_key_file(scene))
    scene.tokens.delay = 0.2
    assert [] == hammer(store, seconds=7)
    assert 3 <= len(set(scene.gate.used)) <= len(scene.tokens.asked) <= 15
    assert len(scene.gate.used) > 50


def test_a_token_service_that_is_away_for_a_moment(scene: Scene) -> None:
    """The token in hand is used to its end; then requests fail, as what passes; then there is a new token."""
    scene.issuer.lifetime = 4
    store = scene.open(**_key_file(scene))
    store.put("x", b"1")
    scene.tokens.broken = 503, "not now"
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        store.put("x", b"1")
        time.sleep(0.05)

    time.sleep(2)
    with pytest.raises(Unavailable, match=r"token service of ServiceAccountFile .*not now") as caught:
        store.put("x", b"1")
    assert caught.value.retryable
    scene.tokens.broken = None
    time.sleep(1)  # so long the failure is everybody's answer
    store.put("x", b"1")


def test_a_token_that_the_storage_no_longer_takes(scene: Scene) -> None:
    """The library of Google gets another one; obstore has no way to, and the refusal is told."""
    store = scene.open(**_key_file(scene))
    store.put("x", b"1")
    scene.issuer.issued.clear()

    if scene.engine == "sdk":
        store.put("x", b"2")
        assert b"2" == scene.medium.read("x")
    else:
        with pytest.raises(AccessDenied, match="401"):
            store.put("x", b"2")


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        ((400, {"error": "invalid_grant", "error_description": "account is gone"}), AccessDenied, "account is gone"),
        ((401, {"error": "disabled_client"}), AccessDenied, "disabled_client"),
        ((503, {"error": "internal_failure"}), Unavailable, "internal_failure"),
    ],
)
def test_what_the_token_service_says(scene: Scene, answer: Answer, kind: type[StoreError], told: str) -> None:
    """A refusal is final, an overload passes. The message says whose credentials and why."""
    store = scene.open(**_key_file(scene))
    scene.tokens.broken = answer

    for call in every_verb(store):
        with pytest.raises(kind, match=told) as caught:
            call()
        assert type(caught.value) is kind
        assert caught.value.retryable is (kind is Unavailable)
        assert "of ServiceAccountFile" in str(caught.value)
        assert "Check" in str(caught.value)
        assert "PRIVATE" not in str(caught.value)
    assert [] == scene.gate.seen


def test_a_token_service_that_cannot_be_reached(scene: Scene) -> None:
    """It may be there a moment later."""
    store = scene.open(ServiceAccountFile=_account(scene, f"{NOBODY}/token"))

    with pytest.raises(Unavailable, match=r"token service of ServiceAccountFile .*can be reached") as caught:
        store.put("x", b"1")
    assert caught.value.retryable


def test_a_machine_without_a_service_account(scene: Scene) -> None:
    """The metadata server is there and has nothing for us."""
    store = scene.open(**_machine(scene))
    del scene.tokens.routes["/service-accounts/default/"]
    scene.tokens.routes["/"] = lambda _: (404, "no service account")

    with pytest.raises(AccessDenied, match=r"credentials of the application default: .*404"):
        store.put("x", b"1")


def test_a_pod_without_its_token(scene: Scene) -> None:
    """What is missing is named."""
    store = scene.open(**_federation(scene))
    (scene.folder / "pod-token").unlink()

    with pytest.raises(AccessDenied, match="pod-token"):
        store.put("x", b"1")


def test_no_credentials_at_the_start(scene: Scene) -> None:
    """Nothing is opened."""
    with pytest.raises(ConfigInvalid, match="cannot use the credentials of the application default"):
        scene.open()
