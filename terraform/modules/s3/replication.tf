# Every object and every delete, to the second region.

locals {
  replicated = var.replication == null ? 0 : 1
}

resource "aws_iam_role" "replication" {
  count = local.replicated

  name = "${var.name}-replication"
  tags = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        ArnEquals    = { "aws:SourceArn" = local.bucket_arns.archive }
        StringEquals = { "aws:SourceAccount" = local.account }
      }
    }]
  })
}

resource "aws_iam_role_policy" "replication" {
  count = local.replicated

  name = "replication"
  role = aws_iam_role.replication[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
        Resource = local.bucket_arns.archive
      },
      {
        Effect = "Allow"
        Action = concat(
          ["s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging"],
          var.object_lock == null ? [] : ["s3:GetObjectLegalHold", "s3:GetObjectRetention"],
        )
        Resource = "${local.bucket_arns.archive}/*"
      },
      {
        Effect   = "Allow"
        Action   = ["s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"]
        Resource = "${local.bucket_arns.replica}/*"
      },
      {
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = local.key_arns.archive
        Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.${local.dns_suffix}" } }
      },
      {
        Effect    = "Allow"
        Action    = ["kms:Encrypt", "kms:GenerateDataKey"]
        Resource  = local.key_arns.replica
        Condition = { StringEquals = { "kms:ViaService" = "s3.${var.replication.region}.${local.dns_suffix}" } }
      },
    ]
  })
}

resource "aws_s3_bucket_replication_configuration" "archive" {
  count = local.replicated

  # Both buckets must have versions by then.
  bucket = aws_s3_bucket_versioning.this["archive"].bucket
  role   = aws_iam_role.replication[0].arn

  rule {
    id     = "everything"
    status = "Enabled"

    filter {}

    delete_marker_replication {
      status = "Enabled"
    }

    source_selection_criteria {
      sse_kms_encrypted_objects {
        status = "Enabled"
      }
    }

    destination {
      bucket        = aws_s3_bucket.this["replica"].arn
      storage_class = "STANDARD"

      encryption_configuration {
        replica_kms_key_id = local.key_arns.replica
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this, aws_iam_role_policy.replication]
}
