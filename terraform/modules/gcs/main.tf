# The bucket: private, encrypted with a customer's key, and nothing stays for ever that was deleted.

resource "google_storage_bucket" "archive" {
  project                     = var.project
  name                        = var.bucket
  location                    = var.location
  storage_class               = var.storage_class
  labels                      = var.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false
  rpo                         = var.turbo_replication ? "ASYNC_TURBO" : null

  encryption {
    default_kms_key_name = local.kms_key
  }

  soft_delete_policy {
    retention_duration_seconds = var.soft_delete_days * 86400
  }

  versioning {
    enabled = var.version_days > 0
  }

  dynamic "custom_placement_config" {
    for_each = length(var.data_locations) > 0 ? [sort([for region in var.data_locations : upper(region)])] : []
    content {
      data_locations = custom_placement_config.value
    }
  }

  dynamic "retention_policy" {
    for_each = var.retention_days > 0 ? [var.retention_days] : []
    content {
      retention_period = retention_policy.value * 86400
      is_locked        = var.retention_locked
    }
  }

  dynamic "logging" {
    for_each = var.log_bucket == null ? [] : [var.log_bucket]
    content {
      log_bucket        = logging.value
      log_object_prefix = var.bucket
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = var.abort_upload_days
    }
  }

  dynamic "lifecycle_rule" {
    for_each = var.version_days > 0 ? [var.version_days] : []
    content {
      action {
        type = "Delete"
      }
      condition {
        days_since_noncurrent_time = lifecycle_rule.value
        with_state                 = "ARCHIVED"
      }
    }
  }

  dynamic "lifecycle_rule" {
    for_each = var.transitions
    content {
      action {
        type          = "SetStorageClass"
        storage_class = lifecycle_rule.key
      }
      condition {
        age        = lifecycle_rule.value
        with_state = "LIVE"
      }
    }
  }

  # Google refuses a bucket whose key it may not use.
  depends_on = [google_kms_crypto_key_iam_member.storage]
}
