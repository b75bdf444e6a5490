# The buckets: one for the archive, one for its access log, one in the second region. What all of them have is
# written once, so that none of them can lack it.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  account    = data.aws_caller_identity.this.account_id
  partition  = data.aws_partition.this.partition
  dns_suffix = data.aws_partition.this.dns_suffix
  region     = data.aws_region.this.region

  own_logs = var.access_logs == null ? false : var.access_logs.bucket == null

  # Those that hold what Orthanc writes.
  archives = merge(
    { archive = { name = var.bucket, region = local.region } },
    var.replication == null ? {} : { replica = { name = "${var.bucket}-replica", region = var.replication.region } },
  )
  buckets = merge(
    local.archives,
    local.own_logs ? { logs = { name = "${var.bucket}-access-log", region = local.region } } : {},
  )
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_18:the archive has a log (logging.tf), and a log of the log would grow by itself
  # checkov:skip=CKV_AWS_144:a second region is for whoever asks for one (replication.tf)
  # checkov:skip=CKV2_AWS_62:nobody waits for events of the archive
  for_each = local.buckets

  bucket              = each.value.name
  region              = each.value.region
  object_lock_enabled = each.key != "logs" && var.object_lock != null
  tags                = var.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket                  = aws_s3_bucket.this[each.key].id
  region                  = each.value.region
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id
  region = each.value.region

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id
  region = each.value.region
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "OnlyWithTls"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*"
          Resource  = [aws_s3_bucket.this[each.key].arn, "${aws_s3_bucket.this[each.key].arn}/*"]
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
        {
          Sid       = "OnlyWithRecentTls"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*"
          Resource  = [aws_s3_bucket.this[each.key].arn, "${aws_s3_bucket.this[each.key].arn}/*"]
          Condition = { NumericLessThan = { "s3:TlsVersion" = var.minimum_tls_version } }
        },
      ],
      each.key == "logs" ? [local.log_delivery] : [],
    )
  })

  # A policy is refused while the block of public ones is being changed.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.archives

  bucket = aws_s3_bucket.this[each.key].id
  region = each.value.region

  rule {
    # Without it, each object costs a request to KMS.
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = local.key_arns[each.key]
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.archives

  bucket = aws_s3_bucket.this[each.key].id
  region = each.value.region

  versioning_configuration {
    # "Disabled" is possible for a new bucket only, and has the same effect.
    status = var.keep_deleted_days > 0 ? "Enabled" : "Suspended"
  }
}

resource "aws_s3_bucket_object_lock_configuration" "this" {
  for_each = { for role, bucket in local.archives : role => bucket if var.object_lock != null }

  bucket = aws_s3_bucket_versioning.this[each.key].bucket
  region = each.value.region

  rule {
    default_retention {
      mode = var.object_lock.mode
      days = var.object_lock.days
    }
  }
}
