# Keys of the encryption at rest: given, or one for each region.

locals {
  own_key         = var.kms_key_arn == null
  own_replica_key = var.replication == null ? false : var.replication.kms_key_arn == null

  key_arns = merge(
    { archive = local.own_key ? aws_kms_key.archive[0].arn : var.kms_key_arn },
    var.replication == null ? {} : {
      replica = local.own_replica_key ? aws_kms_key.replica[0].arn : var.replication.kms_key_arn
    },
  )

  # Says that the IAM policies of the account decide, as it is with every new key. Without it nobody could ever
  # change or remove the key.
  key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "PoliciesOfTheAccountDecide"
      Effect    = "Allow"
      Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
      Action    = "kms:*"
      Resource  = "*"
    }]
  })
}

resource "aws_kms_key" "archive" {
  count = local.own_key ? 1 : 0

  description             = "Orthanc's archive ${var.bucket}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = local.key_policy
  tags                    = var.tags
}

resource "aws_kms_alias" "archive" {
  count = local.own_key ? 1 : 0

  name          = "alias/${var.bucket}"
  target_key_id = aws_kms_key.archive[0].key_id
}

resource "aws_kms_key" "replica" {
  count = local.own_replica_key ? 1 : 0

  region                  = var.replication.region
  description             = "Copy of Orthanc's archive ${var.bucket}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = local.key_policy
  tags                    = var.tags
}
