mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::hospital-archive" }
  }
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/orthanc" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/orthanc" }
  }
}

variables {
  bucket  = "hospital-archive"
  runs_on = "ec2"
}

run "every_bucket_is_closed" {
  variables {
    replication = { region = "eu-west-1" }
  }

  assert {
    condition     = toset(keys(aws_s3_bucket.this)) == toset(["archive", "logs", "replica"])
    error_message = "archive, log and copy are expected"
  }
  assert {
    condition     = toset(keys(aws_s3_bucket_public_access_block.this)) == toset(keys(aws_s3_bucket.this))
    error_message = "a bucket lacks its block of public access"
  }
  assert {
    condition = alltrue([
      for block in aws_s3_bucket_public_access_block.this :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ])
    error_message = "public access must be blocked in all four ways"
  }
  assert {
    condition = alltrue([
      for policy in aws_s3_bucket_policy.this : length([
        for statement in jsondecode(policy.policy).Statement : statement
        if statement.Effect == "Deny" && statement.Principal == "*" && statement.Action == "s3:*" &&
        try(statement.Condition.Bool["aws:SecureTransport"] == "false", statement.Condition.NumericLessThan["s3:TlsVersion"] == "1.2", false)
      ]) == 2
    ])
    error_message = "every bucket must refuse requests without TLS, and with an old one"
  }
  assert {
    condition     = alltrue([for bucket in aws_s3_bucket_ownership_controls.this : bucket.rule[0].object_ownership == "BucketOwnerEnforced"])
    error_message = "access lists of objects must be off"
  }
}

run "encrypted_with_a_key_of_its_own" {
  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this["archive"].rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms"
    error_message = "the archive is encrypted with a customer key"
  }
  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this["archive"].rule).bucket_key_enabled
    error_message = "without a bucket key each object costs a request to KMS"
  }
  assert {
    condition     = aws_kms_key.archive[0].enable_key_rotation
    error_message = "the key rotates"
  }
}

run "encrypted_with_a_given_key" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/given"
  }

  assert {
    condition     = length(aws_kms_key.archive) == 0 && output.kms_key_arn == var.kms_key_arn
    error_message = "a given key is used, and none is made"
  }
}

run "deleted_objects_go" {
  assert {
    condition     = aws_s3_bucket_versioning.this["archive"].versioning_configuration[0].status == "Enabled"
    error_message = "by default there are older versions"
  }
  assert {
    condition = length([
      for rule in aws_s3_bucket_lifecycle_configuration.archive["archive"].rule : rule
      if try(rule.noncurrent_version_expiration[0].noncurrent_days == 7 && rule.expiration[0].expired_object_delete_marker, false) && rule.status == "Enabled"
    ]) == 1
    error_message = "older versions and what is left of them must go after 7 days"
  }
  assert {
    condition = anytrue([
      for rule in aws_s3_bucket_lifecycle_configuration.archive["archive"].rule : try(rule.abort_incomplete_multipart_upload[0].days_after_initiation == 3, false)
    ])
    error_message = "uploads that nobody ended must go"
  }
  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.archive["archive"].rule : length(rule.transition) == 0])
    error_message = "nothing moves by default"
  }
}

run "deleted_objects_go_at_once" {
  variables {
    keep_deleted_days = 0
  }

  assert {
    condition     = aws_s3_bucket_versioning.this["archive"].versioning_configuration[0].status == "Suspended"
    error_message = "there must be no older versions"
  }
}

run "cools_down" {
  variables {
    transitions = [{ days = 30, storage_class = "STANDARD_IA" }, { days = 365, storage_class = "GLACIER_IR" }]
  }

  assert {
    condition = length(flatten([
      for rule in aws_s3_bucket_lifecycle_configuration.archive["archive"].rule : tolist(rule.transition)
    ])) == 2
    error_message = "two moves were asked for"
  }
}

run "locked" {
  variables {
    object_lock = { mode = "GOVERNANCE", days = 30 }
    replication = { region = "eu-west-1" }
  }

  assert {
    condition     = aws_s3_bucket.this["archive"].object_lock_enabled && aws_s3_bucket.this["replica"].object_lock_enabled && !aws_s3_bucket.this["logs"].object_lock_enabled
    error_message = "archive and copy are locked, the log is not"
  }
  assert {
    condition     = aws_s3_bucket_object_lock_configuration.this["archive"].rule[0].default_retention[0].days == 30
    error_message = "30 days were asked for"
  }
}

run "logs_to_a_given_bucket" {
  variables {
    access_logs = { bucket = "hospital-logs" }
  }

  assert {
    condition     = aws_s3_bucket_logging.archive[0].target_bucket == "hospital-logs" && !contains(keys(aws_s3_bucket.this), "logs")
    error_message = "the log goes to the given bucket, and none is made"
  }
}

run "replicated" {
  variables {
    replication = { region = "eu-west-1" }
  }

  assert {
    condition     = aws_s3_bucket.this["replica"].region == "eu-west-1" && aws_kms_key.replica[0].region == "eu-west-1" && aws_kms_key.replica[0].enable_key_rotation
    error_message = "bucket and key of the copy are in the second region, and the key rotates"
  }
  assert {
    condition     = aws_s3_bucket_replication_configuration.archive[0].rule[0].delete_marker_replication[0].status == "Enabled"
    error_message = "what is deleted here must go there, too"
  }
}

run "without_a_role" {
  variables {
    runs_on = "policy_only"
  }

  assert {
    condition     = output.role_arn == null && output.instance_profile_name == null && output.policy_arn != null
    error_message = "only the policy is made"
  }
}

run "refuses_restores" {
  command = plan

  variables {
    transitions = [{ days = 90, storage_class = "DEEP_ARCHIVE" }]
  }
  expect_failures = [var.transitions]
}

run "takes_restores_when_understood" {
  variables {
    transitions         = [{ days = 90, storage_class = "DEEP_ARCHIVE" }]
    restores_understood = true
  }

  assert {
    condition     = anytrue([for rule in aws_s3_bucket_lifecycle_configuration.archive["archive"].rule : length(rule.transition) == 1])
    error_message = "what was asked for must be done"
  }
}

run "refuses_names" {
  command = plan

  variables {
    bucket = "Hospital.Archive"
    prefix = "site-*"
    name   = "two words"
  }
  expect_failures = [var.bucket, var.prefix, var.name]
}

run "refuses_a_class_that_cannot_be_read" {
  command = plan

  variables {
    storage_class = "GLACIER"
  }
  expect_failures = [var.storage_class]
}

run "refuses_an_alias_for_a_key" {
  command = plan

  variables {
    kms_key_arn = "alias/archive"
  }
  expect_failures = [var.kms_key_arn]
}

run "refuses_old_tls" {
  command = plan

  variables {
    minimum_tls_version = "1.0"
  }
  expect_failures = [var.minimum_tls_version]
}

run "refuses_a_lock_and_a_copy_without_versions" {
  command = plan

  variables {
    keep_deleted_days = 0
    object_lock       = { mode = "COMPLIANCE", days = 365 }
    replication       = { region = "eu-west-1" }
  }
  expect_failures = [var.object_lock, var.replication]
}

run "refuses_days" {
  command = plan

  variables {
    keep_deleted_days  = 1000
    abort_uploads_days = 0
    access_logs        = { retain_days = 0 }
  }
  expect_failures = [var.keep_deleted_days, var.abort_uploads_days, var.access_logs]
}

run "refuses_a_way_to_run_that_there_is_not" {
  command = plan

  variables {
    runs_on = "lambda"
  }
  expect_failures = [var.runs_on]
}

run "refuses_a_pod_without_its_cluster" {
  command = plan

  variables {
    runs_on    = "irsa"
    kubernetes = { namespace = "imaging", service_account = "*" }
  }
  expect_failures = [var.kubernetes]
}

run "refuses_a_certificate_for_another_way_to_run" {
  command = plan

  variables {
    roles_anywhere = { trust_anchor_arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/1", common_name = "orthanc" }
  }
  expect_failures = [var.roles_anywhere]
}
