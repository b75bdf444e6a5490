# Who Orthanc is, and what that identity may do: exactly the plugin's actions, on this bucket. There is no key file.

locals {
  service_account_email = var.service_account_email == null ? google_service_account.orthanc[0].email : var.service_account_email
  service_account_name = (
    var.service_account_email == null
    ? google_service_account.orthanc[0].name
    : "projects/${regex("@([a-z0-9-]+)\\.", coalesce(var.service_account_email, "@none."))[0]}/serviceAccounts/${var.service_account_email}"
  )

  below_prefix  = "resource.name.startsWith(\"projects/_/buckets/${var.bucket}/objects/${var.prefix}/\")"
  listed_prefix = "api.getAttribute(\"storage.googleapis.com/objectListPrefix\", \"\").startsWith(\"${var.prefix}/\")"
}

resource "google_service_account" "orthanc" {
  count        = var.service_account_email == null ? 1 : 0
  project      = var.project
  account_id   = var.service_account_id
  display_name = "Orthanc, archive ${var.bucket}"
}

resource "google_project_iam_custom_role" "storage" {
  project     = var.project
  role_id     = substr("orthancStorage_${replace(var.bucket, "-", "_")}", 0, 64)
  title       = "Orthanc storage, ${substr(var.bucket, 0, 60)}"
  description = "What the plugin does, and nothing else."
  permissions = local.granted
}

resource "google_storage_bucket_iam_member" "orthanc" {
  bucket = google_storage_bucket.archive.name
  role   = google_project_iam_custom_role.storage.id
  member = "serviceAccount:${local.service_account_email}"

  dynamic "condition" {
    for_each = var.restrict_to_prefix ? [var.prefix] : []
    content {
      title       = "below ${condition.value}"
      description = "Archives that share a bucket do not see each other."
      expression  = var.allow_list ? "${local.below_prefix} || ${local.listed_prefix}" : local.below_prefix
    }
  }
}

resource "google_service_account_iam_member" "gke" {
  count              = var.gke == null ? 0 : 1
  service_account_id = local.service_account_name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${coalesce(var.gke.project, var.project)}.svc.id.goog[${var.gke.namespace}/${var.gke.service_account}]"
}
