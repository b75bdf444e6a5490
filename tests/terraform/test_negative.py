"""The checks can fail: copies of the module `s3` with something wrong in them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.terraform.changed import Change, changed
from tests.terraform.test_s3 import MODULE, check_identity

IDENTITY: Final = "modules/s3/identity.tf"
LIFECYCLE: Final = "modules/s3/lifecycle.tf"
MAIN: Final = "modules/s3/main.tf"
ROLE: Final = "  role   = aws_iam_role.replication[0].arn\n"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ((MAIN, "bucket_key_enabled = true", "bucket_key_enabledd = true"), "Unsupported argument"),
        ((LIFECYCLE, "noncurrent_days = max", "days = max"), "Unsupported argument"),
        (
            ("modules/s3/keys.tf", "aws_kms_key.archive[0].key_id", "aws_kms_key.archive[0].keyid"),
            "Unsupported attribute",
        ),
        (("modules/s3/replication.tf", ROLE, ""), "Missing required argument"),
        (("modules/s3/roles.tf", '"aws_iam_instance_profile"', '"aws_iam_machine_profile"'), "Invalid resource type"),
        (("examples/s3/database.tf", "storage_encrypted ", "storage_encripted "), "Unsupported argument"),
    ],
    ids=["argument", "argument of a block", "attribute", "required argument", "resource type", "example"],
)
def test_validate_refuses_what_the_schema_does_not_have(tmp_path: Path, change: Change, told: str) -> None:
    """The real program, by the schemas of the real providers."""
    folder = change[0].rpartition("/")[0]
    terraform = changed(tmp_path, change)
    terraform.init(folder).checked()
    result = terraform.run(folder, "validate", "-no-color")
    assert result.code == 1
    assert told in result.text


def test_its_own_tests_notice_what_is_missing(tmp_path: Path) -> None:
    """All at once: each change is told with the message of its own assertion."""
    terraform = changed(
        tmp_path,
        (MAIN, "restrict_public_buckets = true", "restrict_public_buckets = false"),
        (MAIN, 'Condition = { Bool = { "aws:SecureTransport" = "false" } }', "Condition = { Bool = {} }"),
        (LIFECYCLE, "max(1, var.keep_deleted_days)", "max(3650, var.keep_deleted_days)"),
        ("modules/s3/variables.tf", "condition = var.restores_understood || ", "condition = true || "),
    )
    terraform.init(MODULE).checked()
    result = terraform.run(MODULE, "test", "-no-color")
    assert result.code == 1
    told = " ".join(result.text.replace("│", " ").split())
    assert "public access must be blocked in all four ways" in told
    assert "every bucket must refuse requests without TLS" in told
    assert "older versions and what is left of them must go after 7 days" in told
    assert 'run "refuses_restores"... fail' in told
    assert 'run "locked"... pass' in told


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('["s3:AbortMultipartUpload", "s3:PutObject"]', '["s3:*"]'),
        ('["s3:AbortMultipartUpload", "s3:PutObject"]', '["s3:PutObject"]'),
        ("${local.bucket_arns.archive}/${local.root}*", "*"),
        ("Resource  = [local.key_arns.archive]", 'Resource  = ["*"]'),
    ],
    ids=["wildcard action", "action left out", "every object", "every key"],
)
def test_another_policy_is_noticed(tmp_path: Path, old: str, new: str) -> None:
    """One action or object more, or one less."""
    terraform = changed(tmp_path, (IDENTITY, old, new))
    with pytest.raises(AssertionError, match="the policy of the identity is another one"):
        check_identity(terraform)


def test_format_is_noticed(tmp_path: Path) -> None:
    """One space."""
    terraform = changed(tmp_path, (MAIN, "block_public_acls       = true", "block_public_acls = true"))
    assert terraform.run(".", "fmt", "-check", "-recursive").code == 3
