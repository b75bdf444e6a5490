"""What the plugin asks the clouds for, verb by verb, is what the documentation says and what the policies allow."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from storage_plugins.adapters.object_store import ObjectStore
from storage_plugins.errors import NotFound, Unavailable
from storage_plugins.testing import contract
from storage_plugins.testing.contract import Rig
from storage_plugins.testing.media import read
from tests.cloud.actions import NEEDS, Needs, Recorder, Unknown
from tests.cloud.conftest import BACKENDS, CASES, ENGINES
from tests.servers import Servers
from tests.servers.proxy import Reply, Seen
from tests.terraform.program import Terraform

MIB: Final = 1 << 20
LARGE: Final = 11 * MIB
"""Goes in three parts."""
PAGE: Final = Path(__file__).parents[2] / "docs" / "permissions.md"
CLOUDS: Final = {"seaweedfs": "s3", "azurite": "azure", "fake-gcs": "gcs"}

VARIABLES: Final[dict[str, dict[str, Any]]] = {
    "s3": {
        "bucket": "hospital-archive",
        "runs_on": "ec2",
        "kms_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/1",
    },
    "azure": {
        "resource_group_name": "imaging",
        "location": "westeurope",
        "storage_account_name": "hospital",
        "allowed_ip_rules": ["198.51.100.7"],
        "operator_ip_rules": ["203.0.113.9"],
    },
    "gcs": {"project": "hospital-imaging", "bucket": "hospital-archive", "location": "europe-west3"},
}
"""Of the modules: what has no default, and what makes the policy known in a plan."""
IN_POLICY: Final = {"s3": ("put", "read", "read_range", "delete", "kms")}
"""What the identity may do by default, where it is more than the verbs without "list": the bucket has a key."""

Options: TypeAlias = dict[str, Any]
OPTIONS: Final[dict[str, dict[str, Options]]] = {
    "seaweedfs": {
        "tags": {"Tags": {"a": "b"}},
        "kms": {"Encryption": "aws:kms", "KmsKeyId": "key"},
        "other": {"StorageClass": "STANDARD_IA", "RequesterPays": True, "Metadata": {"a": "b"}, "Encryption": "AES256"},
    },
    "azurite": {
        "tags": {"Tags": {"a": "b"}},
        "create_container": {"CreateContainer": True},
        "other": {"AccessTier": "Cool", "Metadata": {"a": "b"}},
    },
    "fake-gcs": {
        "user_project": {"UserProject": "payer"},
        "other": {"StorageClass": "NEARLINE", "Metadata": {"a": "b"}},
    },
}
"""What may need more, and, as "other", what must not."""
OF_SDK: Final[dict[str, Options]] = {
    "azurite": {"EncryptionScope": "north"},
    "fake-gcs": {"KmsKey": "projects/p/locations/l/keyRings/r/cryptoKeys/k"},
}
"""More of "other", which the other engine does not have."""


def put(store: ObjectStore) -> None:
    """New objects and replaced ones, in one request and in parts."""
    for size in (0, 1000, 1000, LARGE, LARGE):
        store.put("x", bytes(size))


def read_all(store: ObjectStore) -> None:
    """What is there, in one request and in several, and what is not."""
    for key in ("small", "large"):
        read(store, key)
        store.stat(key)
    with pytest.raises(NotFound):
        read(store, "nothing")


def read_range(store: ObjectStore) -> None:
    """Parts of objects, and one that is so large that it is read in parts itself."""
    for key, size in (("small", 500), ("large", LARGE - 200)):
        store.read_range(key, 100, memoryview(bytearray(size)))


def delete(store: ObjectStore) -> None:
    """One, one that is not there, and several at once."""
    store.delete("small")
    store.delete("nothing")
    assert {} == store.delete_many(["large", "nothing"])


def list_(store: ObjectStore) -> None:
    """All of it, and what is below a prefix."""
    assert {"small", "large"} == {info.key for info in store.list()}
    assert ["small"] == [info.key for info in store.list("sm")]


VERBS: Final[Mapping[str, Callable[[ObjectStore], None]]] = {
    "put": put,
    "read": read_all,
    "read_range": read_range,
    "list": list_,
    "delete": delete,
}


class Recording:
    """What one engine asks one server for."""

    def __init__(self, name: str, engine: str, server: Any, bucket: str, recorder: Recorder) -> None:
        self.name = name
        self.recorder = recorder
        self._options = {**server.options(bucket, recorder.endpoint), "Engine": engine, "PartSize": 5}

    def open(self, **more: Any) -> ObjectStore:
        """A store with more options."""
        kind = BACKENDS[self.name]
        options: Any = kind.Options.model_validate({**self._options, **more})
        return kind(options)

    def needs(self, call: Callable[[], object]) -> Needs:
        """What was needed for it."""
        self.recorder.exchanges.clear()
        call()
        needed = [NEEDS[self.name](*exchange) for exchange in self.recorder.exchanges]
        assert needed
        return frozenset().union(*needed)

    def of_every_verb(self) -> dict[str, Needs]:
        """Verb by verb. A write in parts that fails is a write, too."""
        with self.open() as store:
            for key, size in (("small", 1000), ("large", LARGE)):
                store.put(key, bytes(size))
            found = {}
            for verb, call in VERBS.items():
                found[verb] = self.needs(lambda call=call: call(store))  # type: ignore[misc]
                if verb == "put":
                    store.delete("x")
            found["put"] |= self.needs(lambda: self._fail(store))
        return found

    def of_option(self, options: Options) -> Needs:
        """For every verb but "list"."""

        def use() -> None:
            with self.open(**options) as store:
                for size in (1000, LARGE):
                    store.put("x", bytes(size))
                    read(store, "x")
                store.delete("x")

        return self.needs(use)

    def _fail(self, store: ObjectStore) -> None:
        def spoil(_: Seen, reply: Reply) -> None:
            reply.status, reply.headers, reply.body = 500, [], b""

        self.recorder.faults.extend([None, None, spoil])
        with pytest.raises(Unavailable):
            store.put("x", bytes(LARGE))


@contextmanager
def recording(name: str, engine: str, servers: Servers) -> Iterator[tuple[Recording, Any]]:
    """In a new bucket, and that bucket."""
    server = servers.get(name)
    bucket = f"b{uuid.uuid4().hex[:20]}"
    medium = server.bucket(bucket)
    with Recorder(f"127.0.0.1:{server.port}") as recorder:
        yield Recording(name, engine, server, bucket, recorder), medium
    medium.remove()


@pytest.fixture(scope="module", params=CLOUDS)
def recorded(request: pytest.FixtureRequest, servers: Servers) -> tuple[str, dict[str, Needs]]:
    """The backend, and what both engines together need: for each verb, and for options beyond their verbs."""
    name = request.param
    found: dict[str, Needs] = {}
    for engine in ENGINES:
        with recording(name, engine, servers) as (one, _):
            verbs = one.of_every_verb()
            plain = one.of_option({})
            options = {option: one.of_option(given) - plain for option, given in OPTIONS[name].items()}
            if engine == "sdk" and name in OF_SDK:
                options["other"] |= one.of_option(OF_SDK[name]) - plain
            for what, needs in (verbs | options).items():
                found[what] = found.get(what, frozenset()) | needs
    return CLOUDS[name], found


def documented(backend: str) -> dict[str, Needs]:
    """The table of a backend."""
    section = PAGE.read_text().partition(f"(`{backend}`)")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE)
    return {what: frozenset(re.findall(r"`([^`]+)`", needs)) for what, needs in rows}


def test_what_is_documented(recorded: tuple[str, dict[str, Needs]]) -> None:
    """Every verb and every option that needs more, and nothing else."""
    backend, found = recorded
    assert frozenset() == found.pop("other")
    assert documented(backend) == found


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """On an unchanged copy of the modules."""
    return Terraform(tmp_path_factory.mktemp("terraform"))


def test_what_the_modules_allow(recorded: tuple[str, dict[str, Needs]], terraform: Terraform) -> None:
    """Their output `actions` is the same, and policy and role have what is needed without "list", and nothing else."""
    backend, found = recorded
    planned = terraform.planned(f"modules/{backend}", VARIABLES[backend])["planned_values"]
    told = planned["outputs"]["actions"]["value"]
    resources = {one["address"]: one["values"] for one in planned["root_module"]["resources"]}
    wanted = IN_POLICY.get(backend, [verb for verb in VERBS if verb != "list"])

    assert set(VERBS) <= set(told)
    assert {what: sorted(found[what]) for what in told} == told
    assert sorted(frozenset().union(*(found[what] for what in wanted))) == _granted(resources)


def _granted(resources: Mapping[str, dict[str, Any]]) -> list[str]:
    """What the policy or role of a module allows."""
    if policy := resources.get("aws_iam_policy.orthanc"):
        return sorted(action for one in json.loads(policy["policy"])["Statement"] for action in one["Action"])
    if role := resources.get("azurerm_role_definition.storage"):
        (permissions,) = role["permissions"]
        return sorted([*permissions["actions"], *permissions["data_actions"]])
    return sorted(resources["google_project_iam_custom_role.storage"]["permissions"])


@pytest.mark.parametrize(("name", "engine"), CASES)
def test_the_whole_contract(name: str, engine: str, servers: Servers) -> None:
    """It asks for nothing that the table of verbs does not have."""
    with recording(name, engine, servers) as (one, medium), one.open() as store:
        rig = Rig(store, medium, one.open, largest=6 * MIB)

        def run() -> None:
            for check in contract.CHECKS:
                if check is not contract.check_many_threads:  # they ask for what one asks for
                    check(rig)

        needs = one.needs(run)
    verbs = documented(CLOUDS[name])
    assert needs <= frozenset().union(*(verbs[verb] for verb in VERBS))


@pytest.mark.parametrize(
    ("name", "method", "path", "header"),
    [
        ("seaweedfs", "GET", "/b/x?acl", ""),
        ("seaweedfs", "HEAD", "/b", ""),
        ("seaweedfs", "PUT", "/b/x", "x-amz-website-redirect-location"),
        ("azurite", "GET", "/account/c/x?comp=tags", ""),
        ("azurite", "PUT", "/account/c/x", "x-ms-lease-id"),
        ("azurite", "POST", "/account/c?restype=container&comp=batch", ""),
        ("fake-gcs", "GET", "/storage/v1/b/b?projection=noAcl", ""),
        ("fake-gcs", "GET", "/storage/v1/b/b/o/x?projection=full", ""),
        ("fake-gcs", "PUT", "/b/x", "x-goog-copy-source"),
    ],
)
def test_what_nobody_has_looked_up(name: str, method: str, path: str, header: str) -> None:
    """It is not passed over."""
    headers = Message()
    if header:
        headers[header] = "1"
    with pytest.raises(Unknown):
        NEEDS[name](Seen(method, path, headers, b""), Reply(200, [], b""))
