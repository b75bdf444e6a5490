# The key. Cloud Storage itself uses it, in the name of the project's service agent; Orthanc's identity needs no right to it.

locals {
  # Keys of multi-regions are in places of other names.
  kms_location = lookup({ EU = "europe" }, upper(var.location), lower(var.location))
  kms_key      = var.kms_key == null ? google_kms_crypto_key.archive[0].id : var.kms_key
}

data "google_storage_project_service_account" "agent" {
  project = var.project
}

resource "google_kms_key_ring" "archive" {
  count    = var.kms_key == null ? 1 : 0
  project  = var.project
  name     = var.bucket
  location = local.kms_location
}

resource "google_kms_crypto_key" "archive" {
  count                      = var.kms_key == null ? 1 : 0
  name                       = "archive"
  key_ring                   = google_kms_key_ring.archive[0].id
  purpose                    = "ENCRYPT_DECRYPT"
  rotation_period            = "${var.key_rotation_days * 86400}s"
  destroy_scheduled_duration = "2592000s"
  labels                     = var.labels

  lifecycle {
    # Without its key the archive is lost.
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key_iam_member" "storage" {
  crypto_key_id = local.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:${data.google_storage_project_service_account.agent.email_address}"
}
