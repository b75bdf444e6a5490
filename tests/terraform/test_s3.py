"""The module `s3`: what its policies say, and what the plugin makes of its section."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import botocore.session
import pytest
import yaml

from storage_plugins import compose
from storage_plugins.config.orthanc import SECTION, OrthancConfiguration
from tests.terraform.answers import ACCOUNT, REGION
from tests.terraform.program import Terraform

MODULE: Final = "modules/s3"
BUCKET: Final = "hospital-archive"
GIVEN: Final = {"bucket": BUCKET, "runs_on": "ec2"}
KEY: Final = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
OBJECTS: Final = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
USE_OF_KEY: Final = {
    "Sid": "Key",
    "Effect": "Allow",
    "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
    "Resource": [KEY],
    "Condition": {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}},
}
POD: Final = {"namespace": "imaging", "service_account": "orthanc"}
PROVIDER: Final = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.{REGION}.amazonaws.com/id/ABC"
ANCHOR: Final = f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:trust-anchor/1"


def statements(text: str) -> list[dict[str, Any]]:
    """Those of a policy."""
    found: list[dict[str, Any]] = json.loads(text)["Statement"]
    return found


def check_identity(terraform: Terraform) -> None:
    """Fails unless the identity may do what the plugin does, to the objects of the bucket, and nothing else."""
    told = statements(terraform.applied(MODULE, GIVEN)["policy_json"])
    objects = {"Sid": "Objects", "Effect": "Allow", "Action": OBJECTS, "Resource": [f"arn:aws:s3:::{BUCKET}/*"]}
    assert told == [objects, USE_OF_KEY], "the policy of the identity is another one"


def test_identity_may_do_what_the_plugin_does_and_nothing_else(terraform: Terraform) -> None:
    """By default."""
    check_identity(terraform)


def test_identity_with_prefix_tags_and_list(terraform: Terraform) -> None:
    """Each option gives its own permission and no other."""
    given = {"prefix": "site-a/ct", "object_tags": {"class": "clinical"}, "allow_list": True}
    outputs = terraform.applied(MODULE, GIVEN | given)
    objects, key, listing = statements(outputs["policy_json"])
    assert objects["Resource"] == [f"arn:aws:s3:::{BUCKET}/site-a/ct/*"]
    assert objects["Action"] == sorted([*OBJECTS, "s3:PutObjectTagging"])
    assert key == USE_OF_KEY
    assert listing == {
        "Sid": "List",
        "Effect": "Allow",
        "Action": ["s3:ListBucket"],
        "Resource": [f"arn:aws:s3:::{BUCKET}"],
        "Condition": {"StringLike": {"s3:prefix": ["site-a/ct/*"]}},
    }


def test_actions_are_sorted_and_all_that_policies_are_made_of(terraform: Terraform) -> None:
    """The output `actions` is the whole list."""
    outputs = terraform.applied(MODULE, GIVEN | {"object_tags": {"a": "b"}, "allow_list": True})
    actions = outputs["actions"]
    assert {"put", "read", "read_range", "delete", "list", "tags", "kms"} == set(actions)
    assert all(found == sorted(found) for found in actions.values())
    told = {action for found in actions.values() for action in found}
    assert told == {action for statement in statements(outputs["policy_json"]) for action in statement["Action"]}


@pytest.mark.parametrize(
    ("given", "trust"),
    [
        (
            {"runs_on": "ec2"},
            {"Principal": {"Service": "ec2.amazonaws.com"}, "Action": ["sts:AssumeRole"]},
        ),
        (
            {"runs_on": "ecs"},
            {
                "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                "Action": ["sts:AssumeRole"],
                "Condition": {
                    "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:*"},
                    "StringEquals": {"aws:SourceAccount": ACCOUNT},
                },
            },
        ),
        (
            {"runs_on": "irsa", "kubernetes": {**POD, "oidc_provider_arn": PROVIDER}},
            {
                "Principal": {"Federated": PROVIDER},
                "Action": ["sts:AssumeRoleWithWebIdentity"],
                "Condition": {
                    "StringEquals": {
                        f"oidc.eks.{REGION}.amazonaws.com/id/ABC:aud": "sts.amazonaws.com",
                        f"oidc.eks.{REGION}.amazonaws.com/id/ABC:sub": "system:serviceaccount:imaging:orthanc",
                    }
                },
            },
        ),
        (
            {"runs_on": "pod_identity", "kubernetes": {**POD, "cluster": "clinic"}},
            {
                "Principal": {"Service": "pods.eks.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Condition": {
                    "StringEquals": {
                        "aws:RequestTag/kubernetes-namespace": "imaging",
                        "aws:RequestTag/kubernetes-service-account": "orthanc",
                        "aws:RequestTag/eks-cluster-name": "clinic",
                    }
                },
            },
        ),
        (
            {"runs_on": "roles_anywhere", "roles_anywhere": {"trust_anchor_arn": ANCHOR, "common_name": "orthanc"}},
            {
                "Principal": {"Service": "rolesanywhere.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
                "Condition": {
                    "ArnEquals": {"aws:SourceArn": ANCHOR},
                    "StringEquals": {"aws:PrincipalTag/x509Subject/CN": "orthanc"},
                },
            },
        ),
    ],
    ids=lambda value: value.get("runs_on", ""),
)
def test_only_the_way_that_it_runs_is_trusted(
    terraform: Terraform, given: dict[str, Any], trust: dict[str, Any]
) -> None:
    """One principal, with all conditions that its service knows."""
    resources = terraform.resources(MODULE, GIVEN | given)
    role = resources["aws_iam_role.orthanc[0]"]
    assert statements(role["assume_role_policy"]) == [{"Effect": "Allow", **trust}]
    assert ("aws_iam_instance_profile.orthanc[0]" in resources) == (given["runs_on"] == "ec2")
    assert ("aws_eks_pod_identity_association.orthanc[0]" in resources) == (given["runs_on"] == "pod_identity")
    assert [name for name in resources if name.startswith("aws_iam_role_policy")] == [
        "aws_iam_role_policy_attachment.orthanc[0]"
    ]


def test_other_policies_give_no_more_than_they_must(terraform: Terraform) -> None:
    """Log delivery, replication, and the policies of the buckets."""
    resources = terraform.resources(MODULE, GIVEN | {"replication": {"region": "eu-west-1"}})
    delivery = statements(resources['aws_s3_bucket_policy.this["logs"]']["policy"])[-1]
    assert delivery == {
        "Sid": "LogDelivery",
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{BUCKET}-access-log/s3/*",
        "Condition": {
            "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{BUCKET}"},
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        },
    }
    for role in ("archive", "replica"):
        policy = statements(resources[f'aws_s3_bucket_policy.this["{role}"]']["policy"])
        assert {statement["Effect"] for statement in policy} == {"Deny"}
    copied = statements(resources["aws_iam_role_policy.replication[0]"]["policy"])
    assert {one for statement in copied for one in _listed(statement["Resource"])} == {
        f"arn:aws:s3:::{BUCKET}",
        f"arn:aws:s3:::{BUCKET}/*",
        f"arn:aws:s3:::{BUCKET}-replica/*",
        KEY,
        KEY.replace(REGION, "eu-west-1"),
    }
    assert not [one for statement in copied for one in _listed(statement["Action"]) if "*" in one]


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"Backend": "s3", "Options": {"Bucket": BUCKET, "Region": REGION}}),
        (
            {"prefix": "site-a", "object_tags": {"class": "clinical"}, "storage_class": "STANDARD_IA"},
            {
                "Backend": "s3",
                "Options": {
                    "Bucket": BUCKET,
                    "Region": REGION,
                    "Tags": {"class": "clinical"},
                    "StorageClass": "STANDARD_IA",
                },
                "Prefix": "site-a",
            },
        ),
    ],
    ids=["plain", "all"],
)
def test_plugin_takes_the_section(terraform: Terraform, given: dict[str, Any], expected: dict[str, Any]) -> None:
    """As it stands."""
    outputs = terraform.applied(MODULE, GIVEN | given)
    values = json.loads(outputs["storage_plugins_json"])
    assert values == {SECTION: expected}
    assert compose.plan(OrthancConfiguration(values, "/etc/orthanc")) is not None


def test_plugin_takes_the_section_of_the_copy(terraform: Terraform) -> None:
    """As it stands, with the bucket of the second region."""
    outputs = terraform.applied(MODULE, GIVEN | {"replication": {"region": "eu-west-1"}})
    values = json.loads(outputs["replica_storage_plugins_json"])
    assert values[SECTION]["Options"] == {"Bucket": f"{BUCKET}-replica", "Region": "eu-west-1"}
    assert compose.plan(OrthancConfiguration(values, "/etc/orthanc")) is not None


AUTHORITY: Final = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
EXAMPLES: Final[list[tuple[str, dict[str, Any]]]] = [
    (
        "examples/s3",
        {
            "bucket": BUCKET,
            "client_ranges": ["10.20.0.0/16"],
            "database_password": "correct-horse-battery",
            "orthanc_password": "staple-correct-horse",
        },
    ),
    (
        "examples/hybrid",
        {"bucket": BUCKET, "common_name": "orthanc.hospital", "authority_certificate": AUTHORITY},
    ),
]


@pytest.mark.parametrize(("folder", "given"), EXAMPLES, ids=["s3", "hybrid"])
def test_plugin_takes_the_section_of_an_example(terraform: Terraform, folder: str, given: dict[str, Any]) -> None:
    """As it stands, layers and all."""
    values = json.loads(terraform.applied(folder, given)["storage_plugins_json"])
    plan = compose.plan(OrthancConfiguration(values, "/etc/orthanc"))
    assert values[SECTION]["Options"]["Bucket"] == BUCKET
    assert (plan.section.write_behind is not None) == (folder == "examples/hybrid")


def test_botocore_takes_the_profile_of_the_certificate(
    terraform: Terraform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program that it names, with a stand-in for AWS's helper, which tells what it was asked for."""
    told = terraform.applied(*EXAMPLES[1])["aws_config"]
    helper = tmp_path / "aws_signing_helper"
    keys = '{"Version": 1, "AccessKeyId": "temporary", "SecretAccessKey": "s", "SessionToken": "t"}'
    helper.write_text(f"#!/bin/sh\necho \"$@\" > {tmp_path}/asked\necho '{keys}'\n")
    helper.chmod(0o755)
    config = tmp_path / "config"
    config.write_text(told.replace("/usr/local/bin/aws_signing_helper", str(helper)))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    credentials = botocore.session.Session(profile="orthanc").get_credentials()
    assert credentials.get_frozen_credentials().access_key == "temporary"
    assert f"--role-arn arn:aws:iam::{ACCOUNT}:role/orthanc" in (tmp_path / "asked").read_text()


def test_start_script_is_a_program_without_passwords(terraform: Terraform) -> None:
    """As the machine gets it. Bash reads it and runs nothing."""
    machine = terraform.resources(*EXAMPLES[0])["aws_instance.orthanc[0]"]
    (file,) = yaml.safe_load(machine["user_data"])["write_files"]
    subprocess.run(["bash", "-n"], input=file["content"], text=True, check=True)
    assert "correct-horse" not in machine["user_data"]
    assert json.dumps(BUCKET) in file["content"]
    assert len(machine["user_data"]) < 16384
