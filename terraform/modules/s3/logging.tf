# A log line for each request to the archive.

locals {
  log_delivery = {
    Sid       = "LogDelivery"
    Effect    = "Allow"
    Principal = { Service = "logging.s3.amazonaws.com" }
    Action    = "s3:PutObject"
    Resource  = "${local.bucket_arns.logs}/${try(var.access_logs.prefix, "")}*"
    Condition = {
      ArnEquals    = { "aws:SourceArn" = local.bucket_arns.archive }
      StringEquals = { "aws:SourceAccount" = local.account }
    }
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  count = local.own_logs ? 1 : 0

  bucket = aws_s3_bucket.this["logs"].id

  rule {
    apply_server_side_encryption_by_default {
      # S3 delivers its log to no bucket that encrypts with KMS.
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_logging" "archive" {
  count = var.access_logs == null ? 0 : 1

  bucket        = aws_s3_bucket.this["archive"].id
  target_bucket = local.own_logs ? aws_s3_bucket_policy.this["logs"].bucket : var.access_logs.bucket
  target_prefix = var.access_logs.prefix
}
