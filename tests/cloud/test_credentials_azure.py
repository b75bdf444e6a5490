"""Identities for Azure: each way to a token, its renewal, and what it means when there is none.

azure-storage-blob sends a token over TLS only. Azurite takes tokens at its own TLS only, so the gate takes them here.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas

from storage_plugins.adapters.azure import AzureOptions, AzureStore
from storage_plugins.errors import AccessDenied, ConfigInvalid, StoreError, Unavailable
from storage_plugins.testing.media import read
from tests.cloud.conftest import every_verb
from tests.cloud.hammer import hammer
from tests.servers import Servers
from tests.servers.azure import ACCOUNT, ACCOUNT_KEY, AzureMedium
from tests.servers.forward_proxy import ForwardProxy
from tests.servers.metadata import Answer, Asked, Gate, Issuer, Metadata, offline
from tests.servers.tls import Authority

NOBODY = "http://127.0.0.1:9"
TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "99999999-8888-7777-6666-555555555555"


@dataclass(slots=True)
class Scene:
    """A container that takes what the issuer has given out, a token service with TLS, and an empty machine."""

    container: str
    engine: str
    medium: AzureMedium
    gate: Gate
    entra: Metadata
    machine: Metadata
    issuer: Issuer
    authority: Authority
    folder: Path
    variables: pytest.MonkeyPatch
    stack: ExitStack

    def open(self, credential: str, **more: Any) -> AzureStore:
        """A store without a secret."""
        given = {
            "Container": self.container,
            "Account": ACCOUNT,
            "Endpoint": f"{self.gate.endpoint}/{ACCOUNT}",
            "CAFile": str(self.authority.file),
            "Engine": self.engine,
            "Credential": credential,
            **more,
        }
        store = AzureStore(AzureOptions(**given))
        self.stack.callback(store.close)
        return store

    def write(self, name: str, text: str) -> str:
        """A file; its path."""
        path = self.folder / name
        path.write_text(text)
        return str(path)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One for all tests."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(params=["obstore", "sdk"])
def scene(
    request: pytest.FixtureRequest,
    servers: Servers,
    tmp_path: Path,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Scene]:
    """With each engine. Nothing of this machine's own configuration is seen."""
    for name in [name for name in os.environ if name.startswith(("AZURE_", "IDENTITY_", "IMDS_", "MSI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", NOBODY)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
    azurite = servers.get("azurite")
    container = f"b{uuid.uuid4().hex[:20]}"
    issuer = Issuer()
    sas = generate_container_sas(
        ACCOUNT,
        container,
        account_key=ACCOUNT_KEY,
        permission=ContainerSasPermissions(read=True, write=True, delete=True, list=True, create=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )

    def give(_: Asked) -> Answer:
        name, end = issuer.issue()
        left = int(issuer.lifetime)
        return 200, {"access_token": name, "expires_in": left, "expires_on": int(end.timestamp()), "token_type": "B"}

    with ExitStack() as stack:
        stack.enter_context(offline(monkeypatch))
        medium = azurite.bucket(container)
        stack.callback(medium.client.close)
        gate = stack.enter_context(Gate(f"127.0.0.1:{azurite.port}", issuer, authority.server(), sas))
        entra = stack.enter_context(Metadata({"/oauth2/v2.0/token": give}, authority.server()))
        entra.routes["/openid-configuration"] = lambda _: (
            200,
            {
                "issuer": f"{entra.endpoint}/{TENANT}/v2.0",
                "authorization_endpoint": f"{entra.endpoint}/{TENANT}/oauth2/v2.0/authorize",
                "token_endpoint": f"{entra.endpoint}/{TENANT}/oauth2/v2.0/token",
            },
        )
        machine = stack.enter_context(Metadata({"token": give}))
        yield Scene(
            container, request.param, medium, gate, entra, machine, issuer, authority, tmp_path, monkeypatch, stack
        )


def _app_service(scene: Scene) -> tuple[Metadata, dict[str, Any]]:
    scene.variables.setenv("IDENTITY_ENDPOINT", f"{scene.machine.endpoint}/token")
    scene.variables.setenv("IDENTITY_HEADER", "of-this-app")
    return scene.machine, {"credential": "managed-identity", "ClientId": CLIENT}


def _machine(scene: Scene) -> tuple[Metadata, dict[str, Any]]:
    scene.variables.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", scene.machine.endpoint)
    return scene.machine, {"credential": "managed-identity"}


def _workload(scene: Scene) -> tuple[Metadata, dict[str, Any]]:
    scene.variables.setenv("AZURE_AUTHORITY_HOST", scene.entra.endpoint)
    scene.variables.setenv("AZURE_FEDERATED_TOKEN_FILE", scene.write("pod-token", "a.pod.token"))
    return scene.entra, {"credential": "workload-identity", "ClientId": CLIENT, "TenantId": TENANT}


def _environment(scene: Scene) -> tuple[Metadata, dict[str, Any]]:
    scene.variables.setenv("AZURE_AUTHORITY_HOST", scene.entra.endpoint)
    scene.variables.setenv("AZURE_TENANT_ID", TENANT)
    scene.variables.setenv("AZURE_CLIENT_ID", CLIENT)
    scene.variables.setenv("AZURE_CLIENT_SECRET", "the-secret")
    return scene.entra, {"credential": "environment"}


def _default(scene: Scene) -> tuple[Metadata, dict[str, Any]]:
    told, _ = _app_service(scene)
    return told, {"credential": "default"}


Way = Callable[[Scene], tuple[Metadata, dict[str, Any]]]
WAYS: list[Way] = [_app_service, _machine, _workload, _environment, _default]


def _given(metadata: Metadata) -> list[Asked]:
    """Requests for a token."""
    return [asked for asked in metadata.asked if asked.path.endswith("token")]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.strip("_"))
def test_the_token_found_is_used(scene: Scene, way: Way) -> None:
    """For every request: the storage takes no others. One token is enough."""
    metadata, options = way(scene)
    store = scene.open(**options)
    store.put("x", b"some bytes")

    assert b"some bytes" == read(store, "x")
    assert b"some bytes" == scene.medium.read("x")
    assert ["x"] == [info.key for info in store.list()]
    assert 10 == store.stat("x").size
    assert {"issued0"} == set(scene.gate.used)
    assert 1 == len(_given(metadata))


def test_what_is_asked_of_the_machine(scene: Scene) -> None:
    """For the storage, as the identity that is named."""
    _, options = _app_service(scene)
    scene.open(**options).put("x", b"1")

    (asked,) = scene.machine.asked
    assert "of-this-app" == asked.headers["X-IDENTITY-HEADER"]
    assert CLIENT == asked.given["client_id"]
    assert "https://storage.azure.com" == asked.given["resource"].rstrip("/")


def test_what_a_workload_sends(scene: Scene) -> None:
    """The token of the pod, to its own tenant, and nobody else is asked."""
    _, options = _workload(scene)
    scene.open(**options).put("x", b"1")

    (asked,) = _given(scene.entra)
    assert "a.pod.token" == asked.given["client_assertion"]
    assert CLIENT == asked.given["client_id"]
    assert f"/{TENANT}/oauth2/v2.0/token" == asked.path
    assert "https://storage.azure.com/.default" in asked.given["scope"]


def test_entra_is_asked_through_the_proxy(scene: Scene) -> None:
    """As the storage is. The machine's own service is not."""
    for way in (_workload, _app_service):
        metadata, options = way(scene)
        with ForwardProxy() as forward:
            scene.open(**options, Proxy=forward.endpoint).put("x", b"1")
        assert (metadata is scene.entra) is any(metadata.host in seen for seen in forward.seen)


@pytest.mark.parametrize("way", [_app_service, _workload], ids=lambda way: way.__name__.strip("_"))
def test_renewal_fails_no_request(scene: Scene, way: Way) -> None:
    """Tokens are renewed before they end, by one request at a time."""
    scene.issuer.lifetime = 4
    metadata, options = way(scene)
    store = scene.open(**options)
    metadata.delay = 0.2
    assert [] == hammer(store, seconds=7)
    assert 2 <= len(set(scene.gate.used)) <= len(_given(metadata)) <= 15
    assert len(scene.gate.used) > 50


def test_a_token_service_that_is_away_for_a_moment(scene: Scene) -> None:
    """The token in hand is used to its end; then requests fail, as what passes; then there is a new token."""
    scene.issuer.lifetime = 4
    _, options = _app_service(scene)
    store = scene.open(**options)
    store.put("x", b"1")
    scene.machine.broken = 503, {"error": {"code": "Busy", "message": "not now"}}
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        store.put("x", b"1")
        time.sleep(0.05)

    time.sleep(2)
    with pytest.raises(Unavailable, match="token service of Credential managed-identity: it answered 503") as caught:
        store.put("x", b"1")
    assert caught.value.retryable
    scene.machine.broken = None
    time.sleep(1)  # so long the failure is everybody's answer
    store.put("x", b"1")


REFUSAL = {"error": "invalid_client", "error_description": "AADSTS700016: there is no such application"}


@pytest.mark.parametrize(
    ("way", "answer", "kind", "told"),
    [
        (_workload, (400, REFUSAL), AccessDenied, "AADSTS700016"),
        (_environment, (401, REFUSAL), AccessDenied, "AADSTS700016"),
        (_workload, (503, {"error": "temporarily_unavailable"}), Unavailable, "it answered 503"),
        (_app_service, (400, {"statusCode": 400, "message": "No managed identity"}), AccessDenied, "identity"),
        (_app_service, (500, {"statusCode": 500, "message": "broken"}), Unavailable, "it answered 500"),
        (_machine, (410, {"error": "being updated"}), Unavailable, "it answered 410"),
        (_default, (429, {"error": "too many"}), Unavailable, "it answered 429"),
        (
            _machine,
            (400, {"error": "invalid_request", "error_description": "Identity not found"}),
            AccessDenied,
            "not found",
        ),
    ],
)
def test_what_the_token_service_says(scene: Scene, way: Way, answer: Answer, kind: type[StoreError], told: str) -> None:
    """A refusal is final, an overload passes. The message says whose credentials and why, and tells no secret."""
    metadata, options = way(scene)
    store = scene.open(**options)
    metadata.routes["token"] = metadata.routes["/oauth2/v2.0/token"] = lambda _: answer

    for call in every_verb(store):
        with pytest.raises(kind, match=told) as caught:
            call()
        assert type(caught.value) is kind
        assert caught.value.retryable is (kind is Unavailable)
        assert f"of Credential {options['credential']}: " in str(caught.value)
        assert "Check" in str(caught.value)
        for secret in ("the-secret", "a.pod.token", "of-this-app"):
            assert secret not in str(caught.value)
    assert [] == scene.gate.seen


@pytest.mark.parametrize("way", [_app_service, _machine, _workload], ids=lambda way: way.__name__.strip("_"))
def test_a_token_service_that_cannot_be_reached(scene: Scene, way: Way) -> None:
    """It may be there a moment later."""
    _, options = way(scene)
    scene.variables.setenv("IDENTITY_ENDPOINT" if way is _app_service else "NOTHING", f"{NOBODY}/token")
    scene.variables.setenv("AZURE_AUTHORITY_HOST", "https://127.0.0.1:9")
    scene.variables.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", NOBODY)
    store = scene.open(**options)

    with pytest.raises(Unavailable, match=r"token service of Credential .*can be reached") as caught:
        store.put("x", b"1")
    assert caught.value.retryable


def test_an_environment_that_says_nothing(scene: Scene) -> None:
    """Nobody will say more later."""
    store = scene.open("environment")

    with pytest.raises(AccessDenied, match=r"credentials of Credential environment: .*not fully configured") as caught:
        store.put("x", b"1")
    assert not caught.value.retryable


def test_a_pod_without_its_token(scene: Scene) -> None:
    """What is missing is named."""
    _, options = _workload(scene)
    (scene.folder / "pod-token").unlink()

    with pytest.raises(AccessDenied, match="pod-token"):
        scene.open(**options).put("x", b"1")


def test_no_identity_at_the_start(scene: Scene) -> None:
    """A pod that has been told nothing: nothing is opened."""
    with pytest.raises(ConfigInvalid, match=r"cannot use Credential workload-identity: .*'tenant_id'"):
        scene.open("workload-identity")
