output "storage_plugins_json" {
  description = "The section StoragePlugins for Orthanc's configuration, as JSON."
  value = jsonencode({
    StoragePlugins = { for key, value in {
      Backend = "gcs"
      Prefix  = var.prefix == "" ? null : var.prefix
      # It deletes what it wrote, which a retention policy forbids.
      Preflight = var.retention_days > 0 ? false : null
      Options   = { Bucket = google_storage_bucket.archive.name }
    } : key => value if value != null }
  })
}

output "actions" {
  description = "What the plugin does, and the permissions that it needs for it."
  value       = local.actions
}

output "granted" {
  description = "The permissions of the role."
  value       = google_project_iam_custom_role.storage.permissions
}

output "bucket" {
  description = "Name of the bucket."
  value       = google_storage_bucket.archive.name
}

output "service_account_email" {
  description = "Service account for Orthanc: attach it to the virtual machine, Cloud Run service or Kubernetes service account (annotation iam.gke.io/gcp-service-account)."
  value       = local.service_account_email
}

output "kms_key" {
  description = "Key that encrypts the bucket."
  value       = local.kms_key
}

output "federation_credentials_json" {
  description = "File for GOOGLE_APPLICATION_CREDENTIALS outside Google. It holds no secret. Null without federation."
  value       = local.federation_credentials == null ? null : jsonencode(local.federation_credentials)
}
