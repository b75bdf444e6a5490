locals {
  section = {
    for role, bucket in local.archives : role => jsonencode({
      StoragePlugins = merge(
        {
          Backend = "s3"
          Options = merge(
            { Bucket = bucket.name, Region = bucket.region },
            length(var.object_tags) > 0 ? { Tags = var.object_tags } : {},
            var.storage_class == null ? {} : { StorageClass = var.storage_class },
          )
        },
        var.prefix == "" ? {} : { Prefix = var.prefix },
      )
    })
  }
}

output "storage_plugins_json" {
  description = "The section StoragePlugins for Orthanc's configuration, as JSON."
  value       = local.section.archive
}

output "replica_storage_plugins_json" {
  description = "The section for the copy in the second region, for the day when the first one is lost. Its identity is yours to give. Null without replication."
  value       = try(local.section.replica, null)
}

output "actions" {
  description = "What the plugin does: the actions of IAM that it needs for it. list and tags are in the policy only with allow_list and object_tags."
  value       = local.actions
}

output "policy_json" {
  description = "The policy of the identity, as JSON."
  value       = local.policy
}

output "policy_arn" {
  description = "ARN of that policy, to attach to a role of yours."
  value       = aws_iam_policy.orthanc.arn
}

output "role_arn" {
  description = "ARN of the role: for the task definition (ecs), the annotation eks.amazonaws.com/role-arn of the service account (irsa), or the profile of Roles Anywhere. Null with policy_only."
  value       = one(aws_iam_role.orthanc[*].arn)
}

output "role_name" {
  description = "Name of the role. Null with policy_only."
  value       = one(aws_iam_role.orthanc[*].name)
}

output "instance_profile_name" {
  description = "Name of the instance profile. Null unless runs_on is ec2."
  value       = one(aws_iam_instance_profile.orthanc[*].name)
}

output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this["archive"].id
}

output "bucket_arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this["archive"].arn
}

output "region" {
  description = "Region of the bucket."
  value       = local.region
}

output "kms_key_arn" {
  description = "ARN of the key that the bucket encrypts with."
  value       = local.key_arns.archive
}

output "access_log_bucket" {
  description = "Name of the bucket with the access log. Null without a log."
  value       = var.access_logs == null ? null : local.own_logs ? aws_s3_bucket.this["logs"].id : var.access_logs.bucket
}

output "replica_bucket" {
  description = "Name of the bucket in the second region. Null without replication."
  value       = try(aws_s3_bucket.this["replica"].id, null)
}
