"""Credentials for S3 without static keys: each way to them, their renewal, and what it means when there are none."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from storage_plugins.adapters.s3 import S3Options, S3Store
from storage_plugins.errors import AccessDenied, ConfigInvalid, StoreError, Unavailable
from storage_plugins.testing.media import read
from tests.cloud.conftest import every_verb
from tests.cloud.hammer import hammer
from tests.servers import Servers
from tests.servers.forward_proxy import ForwardProxy
from tests.servers.metadata import Answer, Asked, Gate, Issuer, Metadata, offline
from tests.servers.proxy import Proxy
from tests.servers.s3 import ACCESS_KEY, SECRET_KEY, S3Medium

ROLE = "arn:aws:iam::123456789012:role/orthanc"
NOBODY = "http://127.0.0.1:9"


@dataclass(slots=True)
class Scene:
    """A bucket that takes what the issuer has given out, a token service, and an empty machine."""

    bucket: str
    engine: str
    medium: S3Medium
    gate: Gate
    sts: Proxy
    issuer: Issuer
    folder: Path
    variables: pytest.MonkeyPatch
    stack: ExitStack
    kept: dict[str, Any] = field(default_factory=dict)

    def open(self, **more: Any) -> S3Store:
        """A store that is told nothing of credentials."""
        given = {"Bucket": self.bucket, "Endpoint": self.gate.endpoint, "Engine": self.engine, **more}
        store = S3Store(S3Options(**given))
        self.stack.callback(store.close)
        return store

    def metadata(self, routes: dict[str, Callable[[Asked], Answer]]) -> Metadata:
        """A stand-in that runs until the test ends."""
        return self.stack.enter_context(Metadata(routes))

    def write(self, name: str, text: str) -> str:
        """A file; its path."""
        path = self.folder / name
        path.write_text(text)
        return str(path)


@pytest.fixture(params=["obstore", "sdk"])
def scene(
    request: pytest.FixtureRequest, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    """With each engine. Nothing of this machine's own configuration is seen."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    moto = servers.get("moto")
    bucket = f"b{uuid.uuid4().hex[:20]}"
    issuer = Issuer()
    with ExitStack() as stack:
        stack.enter_context(offline(monkeypatch))
        medium = moto.bucket(bucket)
        gate = stack.enter_context(Gate(f"127.0.0.1:{moto.port}", issuer))
        sts = stack.enter_context(Proxy(f"127.0.0.1:{moto.port}"))
        yield Scene(bucket, request.param, medium, gate, sts, issuer, tmp_path, monkeypatch, stack)


def _keys(scene: Scene) -> Answer:
    """As the metadata services of containers and machines tell them."""
    name, end = scene.issuer.issue()
    return 200, {
        "Code": "Success",
        "AccessKeyId": name,
        "SecretAccessKey": "the-secret",
        "Token": f"token-of-{name}",
        "Expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _environment(scene: Scene) -> dict[str, Any]:
    scene.variables.setenv("AWS_ACCESS_KEY_ID", scene.issuer.issue("from-environment")[0])
    scene.variables.setenv("AWS_SECRET_ACCESS_KEY", "the-secret")
    return {}


def _profile(scene: Scene) -> dict[str, Any]:
    key, _ = scene.issuer.issue("from-profile")
    text = f"[default]\naws_access_key_id=wrong\naws_secret_access_key=wrong\n[ward]\naws_access_key_id={key}\n"
    scene.variables.setenv(
        "AWS_SHARED_CREDENTIALS_FILE", scene.write("credentials", f"{text}aws_secret_access_key=the-secret\n")
    )
    return {"Profile": "ward"}


def _instance_role(scene: Scene) -> dict[str, Any]:
    def keys(asked: Asked) -> Answer:
        return _keys(scene) if asked.headers["X-aws-ec2-metadata-token"] == "session" else (401, "")

    metadata = scene.metadata(
        {
            "/latest/api/token": lambda asked: (200, "session") if asked.method == "PUT" else (405, ""),
            "/security-credentials/": lambda _: (200, "orthanc"),
            "/security-credentials/orthanc": keys,
        }
    )
    scene.variables.delenv("AWS_EC2_METADATA_DISABLED")
    scene.variables.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.endpoint)
    return {}


def _container_role(scene: Scene) -> dict[str, Any]:
    def keys(asked: Asked) -> Answer:
        return _keys(scene) if asked.headers["Authorization"] == "pod" else (403, "wrong token")

    scene.kept["metadata"] = metadata = scene.metadata({"/role": keys})
    scene.variables.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{metadata.endpoint}/role")
    scene.variables.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", scene.write("pod-token", "pod"))
    return {}


WAYS = [_environment, _profile, _instance_role, _container_role]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.strip("_"))
def test_the_credentials_found_are_used(scene: Scene, way: Callable[[Scene], dict[str, Any]]) -> None:
    """For every request: the storage takes no others."""
    store = scene.open(**way(scene))
    store.put("x", b"some bytes")

    assert b"some bytes" == read(store, "x")
    assert b"some bytes" == scene.medium.read("x")
    (used,) = set(scene.gate.used)
    assert used in scene.issuer.issued
    for seen in scene.gate.seen:
        expected = f"token-of-{used}" if "issued" in used else None
        assert expected == seen.headers["X-Amz-Security-Token"]
    store.delete("x")
    assert set() == scene.medium.keys()


@pytest.mark.parametrize("way", [_environment, _container_role], ids=lambda way: way.__name__.strip("_"))
def test_the_secret_signs(scene: Scene, servers: Servers, way: Callable[[Scene], dict[str, Any]]) -> None:
    """SeaweedFS checks signatures: with the right secret it answers, with another one it refuses."""
    seaweedfs = servers.get("seaweedfs")
    way(scene)
    bucket = seaweedfs.bucket(scene.bucket)
    scene.stack.callback(bucket.remove)

    def opened(secret: str) -> S3Store:
        if "metadata" in scene.kept:
            end = scene.issuer.issue()[1].isoformat()
            told = {"AccessKeyId": ACCESS_KEY, "SecretAccessKey": secret, "Token": None, "Expiration": end}
            scene.kept["metadata"].routes["/role"] = lambda _: (200, told)
        else:
            scene.variables.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            scene.variables.setenv("AWS_SECRET_ACCESS_KEY", secret)
        return scene.open(Endpoint=seaweedfs.endpoint)

    opened(SECRET_KEY).put("x", b"1")
    assert b"1" == bucket.read("x")
    with pytest.raises(AccessDenied, match="secret key is not that"):
        opened("another").put("y", b"1")


def _moto_gives(scene: Scene) -> None:
    """What moto's token service gives holds at the storage too."""
    issue = scene.issuer.issue

    def note(_: Any, reply: Any) -> None:
        issue(reply.body.decode().partition("<AccessKeyId>")[2].partition("<")[0])

    scene.sts.faults.extend([note] * 5)


def test_assume_role(scene: Scene) -> None:
    """The role is taken on with the keys that are given, and its keys are used."""
    _moto_gives(scene)
    store = scene.open(
        AccessKey=ACCESS_KEY, SecretKey=SECRET_KEY, RoleArn=ROLE, ExternalId="ward 7", StsEndpoint=scene.sts.endpoint
    )
    store.put("x", b"1")

    assert b"1" == scene.medium.read("x")
    (asked,) = scene.sts.seen
    assert f"Credential={ACCESS_KEY}/" in asked.headers["Authorization"]
    assert b"ExternalId=ward+7" in asked.body
    assert b"RoleSessionName=orthanc" in asked.body
    assert ["ASIA"] == [used[:4] for used in scene.gate.used]
    assert scene.gate.seen[0].headers["X-Amz-Security-Token"]


def test_assume_role_with_the_role_of_the_machine(scene: Scene) -> None:
    """Credentials that are found can take on a role too."""
    _container_role(scene)
    _moto_gives(scene)
    scene.open(RoleArn=ROLE, StsEndpoint=scene.sts.endpoint).put("x", b"1")

    (asked,) = scene.sts.seen
    assert "Credential=issued0/" in asked.headers["Authorization"]
    assert ["ASIA"] == [used[:4] for used in scene.gate.used]


def test_web_identity(scene: Scene) -> None:
    """As a pod of Kubernetes finds it (IRSA)."""
    _moto_gives(scene)
    scene.variables.setenv("AWS_ROLE_ARN", ROLE)
    scene.variables.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", scene.write("web-token", "a.web.token"))
    scene.variables.setenv("AWS_ENDPOINT_URL_STS", scene.sts.endpoint)
    scene.open().put("x", b"1")

    (asked,) = scene.sts.seen
    assert b"Action=AssumeRoleWithWebIdentity" in asked.body
    assert b"WebIdentityToken=a.web.token" in asked.body
    assert asked.headers["Authorization"] is None
    assert ["ASIA"] == [used[:4] for used in scene.gate.used]


def test_the_token_service_is_asked_through_the_proxy(scene: Scene) -> None:
    """As all the rest."""
    _moto_gives(scene)
    with ForwardProxy() as forward:
        store = scene.open(
            AccessKey="a", SecretKey="b", RoleArn=ROLE, StsEndpoint=scene.sts.endpoint, Proxy=forward.endpoint
        )
        store.put("x", b"1")

    assert f"POST {scene.sts.endpoint}/" in forward.seen


def test_renewal_fails_no_request(scene: Scene) -> None:
    """Keys are renewed before they end, by one request at a time, and nobody waits for it."""
    scene.issuer.lifetime = 4
    store = scene.open(**_container_role(scene))
    store.put("warm", b"1")
    metadata = scene.kept["metadata"]
    give = metadata.routes["/role"]
    meanwhile = list[int]()

    def slow(asked: Asked) -> Answer:
        before = len(scene.gate.used)
        answer: Answer = give(asked)
        time.sleep(0.5)
        meanwhile.append(len(scene.gate.used) - before)
        return answer

    metadata.routes["/role"] = slow

    assert [] == hammer(store, seconds=7)
    assert 3 <= len(set(scene.gate.used)) <= len(metadata.asked) <= 15
    assert min(meanwhile) > 6  # more than were on their way


def test_a_token_service_that_is_away_for_a_moment(scene: Scene) -> None:
    """The keys in hand are used to their end; then requests fail, as what passes; then there are new keys."""
    scene.issuer.lifetime = 4
    store = scene.open(**_container_role(scene))
    store.put("x", b"1")
    scene.kept["metadata"].broken = 500, "not now"
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        store.put("x", b"1")
        time.sleep(0.05)

    time.sleep(2)
    with pytest.raises(Unavailable, match=r"token service of container-role: .*500") as caught:
        store.put("x", b"1")
    assert caught.value.retryable
    scene.kept["metadata"].broken = None
    time.sleep(1)  # so long the failure is everybody's answer
    store.put("x", b"1")


def test_all_who_wait_get_the_same_answer(scene: Scene) -> None:
    """A token service that refuses sees one request, and not one for each who waits."""
    sts = scene.metadata({"": lambda _: (500, "<ErrorResponse/>")})
    sts.delay = 1
    store = scene.open(AccessKey="a", SecretKey="the-secret", RoleArn=ROLE, StsEndpoint=sts.endpoint)
    failed = hammer(store, seconds=0, threads=8)

    assert 8 == len(failed)
    assert {Unavailable} == {type(error) for error in failed}
    assert 1 == len(sts.asked)


DENIED = """<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>User u is not authorized to perform:
 sts:AssumeRole on resource r</Message></Error></ErrorResponse>"""


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", AccessDenied),
        (400, "ExpiredTokenException", AccessDenied),
        (400, "Throttling", Unavailable),
        (400, "IDPCommunicationError", Unavailable),
        (503, "ServiceUnavailable", Unavailable),
    ],
)
def test_what_the_token_service_says(scene: Scene, status: int, code: str, kind: type[StoreError]) -> None:
    """A refusal is final, an overload passes. The message says whose credentials, why, and tells no secret."""
    sts = scene.metadata({"": lambda _: (status, DENIED.format(code=code))})
    store = scene.open(AccessKey="a", SecretKey="the-secret", RoleArn=ROLE, StsEndpoint=sts.endpoint, ExternalId="hush")

    for call in every_verb(store):
        with pytest.raises(kind) as caught:
            call()
        told = str(caught.value)
        assert type(caught.value) is kind
        assert caught.value.retryable is (kind is Unavailable)
        assert f"of role {ROLE}: {code}: User u is not authorized to perform: sts:AssumeRole" in told
        assert "Check" in told
        assert "hush" not in told
        assert "the-secret" not in told
    assert [] == scene.gate.seen


def test_a_token_service_that_cannot_be_reached(scene: Scene) -> None:
    """It may be there a moment later."""
    store = scene.open(AccessKey="a", SecretKey="b", RoleArn=ROLE, StsEndpoint=NOBODY)

    with pytest.raises(Unavailable, match=f"token service of role {ROLE}: Could not connect") as caught:
        store.put("x", b"1")
    assert caught.value.retryable


def test_a_container_role_that_is_taken_away(scene: Scene) -> None:
    """The refusal of the metadata service is final."""
    scene.issuer.lifetime = 3
    store = scene.open(**_container_role(scene))
    store.put("x", b"1")
    scene.kept["metadata"].broken = 403, "no role for you"
    time.sleep(3)

    with pytest.raises(AccessDenied, match=r"credentials of container-role: .*403.*no role for you") as caught:
        store.put("x", b"1")
    assert not caught.value.retryable


def test_a_login_that_has_ended(scene: Scene) -> None:
    """A person has to log in again: no use to repeat it."""
    config = (
        "[profile ward]\nsso_session=s\nsso_account_id=123456789012\nsso_role_name=r\n"
        f"[sso-session s]\nsso_start_url={NOBODY}\nsso_region=us-east-1\n"
    )
    scene.variables.setenv("AWS_CONFIG_FILE", scene.write("config", config))
    store = scene.open(Profile="ward")

    with pytest.raises(AccessDenied, match="log in again") as caught:
        store.put("x", b"1")
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("variables", "options", "kind", "told"),
    [
        ({}, {}, ConfigInvalid, "no AWS credentials: give AccessKey"),
        ({}, {"Profile": "nobody"}, ConfigInvalid, r"profile \(nobody\) could not be found"),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{NOBODY}/role"}, {}, Unavailable, "container-role.*can be reached"),
        ({"AWS_ACCESS_KEY_ID": "a"}, {}, ConfigInvalid, "AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_no_credentials_at_the_start(
    scene: Scene, variables: dict[str, str], options: dict[str, Any], kind: type[StoreError], told: str
) -> None:
    """Nothing is opened, and the reason is told."""
    for name, value in variables.items():
        scene.variables.setenv(name, value)

    with pytest.raises(kind, match=told):
        scene.open(**options)
