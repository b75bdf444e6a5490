# What S3 removes or moves by itself.

resource "aws_s3_bucket_lifecycle_configuration" "archive" {
  for_each = local.archives

  bucket = aws_s3_bucket.this[each.key].id
  region = each.value.region

  # A request to move costs more than a small object ever saves.
  transition_default_minimum_object_size = "all_storage_classes_128K"

  rule {
    id     = "abort-incomplete-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = var.abort_uploads_days
    }
  }

  rule {
    id     = "remove-deleted"
    status = "Enabled"

    filter {}

    # Without versioning, older versions are from the time before.
    noncurrent_version_expiration {
      noncurrent_days = max(1, var.keep_deleted_days)
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  dynamic "rule" {
    for_each = length(var.transitions) > 0 ? [true] : []

    content {
      id     = "cool-down"
      status = "Enabled"

      filter {}

      dynamic "transition" {
        for_each = var.transitions

        content {
          days          = transition.value.days
          storage_class = transition.value.storage_class
        }
      }
    }
  }

  # Rules about older versions follow the versioning.
  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  count = local.own_logs ? 1 : 0

  bucket = aws_s3_bucket.this["logs"].id

  rule {
    id     = "remove-old"
    status = "Enabled"

    filter {}

    expiration {
      days = var.access_logs.retain_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = var.abort_uploads_days
    }
  }
}
