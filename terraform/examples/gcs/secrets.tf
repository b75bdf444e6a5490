# The passwords. The machines read them when they start; Terraform's state does not hold them.

locals {
  secrets = toset(["database", "orthanc"])
}

resource "google_secret_manager_secret" "password" {
  for_each  = local.secrets
  secret_id = "orthanc-password-${each.value}"

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_secret_manager_secret_version" "password" {
  for_each               = local.secrets
  secret                 = google_secret_manager_secret.password[each.value].id
  secret_data_wo         = each.value == "database" ? var.database_password : var.orthanc_password
  secret_data_wo_version = var.secrets_version
}

resource "google_secret_manager_secret_iam_member" "orthanc" {
  for_each  = local.secrets
  secret_id = google_secret_manager_secret.password[each.value].id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${module.archive.service_account_email}"
}
