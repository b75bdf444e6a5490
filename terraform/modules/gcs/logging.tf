# Who read and wrote what. Names of objects are random, so logs hold no patient data.

resource "google_project_iam_audit_config" "storage" {
  count   = var.audit_logs ? 1 : 0
  project = var.project
  service = "storage.googleapis.com"

  dynamic "audit_log_config" {
    for_each = toset(["ADMIN_READ", "DATA_READ", "DATA_WRITE"])
    content {
      log_type = audit_log_config.value
    }
  }
}

resource "google_storage_bucket_iam_member" "usage_logs" {
  count  = var.log_bucket == null ? 0 : 1
  bucket = var.log_bucket
  role   = "roles/storage.objectCreator"
  member = "group:cloud-storage-analytics@google.com"
}
