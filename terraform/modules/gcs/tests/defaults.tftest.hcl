# Safe without being told to be.

mock_provider "google" {
  override_during = plan
  mock_data "google_storage_project_service_account" {
    defaults = { email_address = "service-1@gs-project-accounts.iam.gserviceaccount.com" }
  }
  mock_resource "google_kms_crypto_key" {
    defaults = { id = "projects/hospital-imaging/locations/europe/keyRings/hospital-archive/cryptoKeys/archive" }
  }
  mock_resource "google_project_iam_custom_role" {
    defaults = { id = "projects/hospital-imaging/roles/orthancStorage_hospital_archive" }
  }
  mock_resource "google_service_account" {
    defaults = {
      email = "orthanc-storage@hospital-imaging.iam.gserviceaccount.com"
      name  = "projects/hospital-imaging/serviceAccounts/orthanc-storage@hospital-imaging.iam.gserviceaccount.com"
    }
  }
}

variables {
  project  = "hospital-imaging"
  bucket   = "hospital-archive"
  location = "EU"
}

run "private" {
  command = plan
  assert {
    condition     = google_storage_bucket.archive.public_access_prevention == "enforced" && google_storage_bucket.archive.uniform_bucket_level_access
    error_message = "The bucket could be made public."
  }
  assert {
    condition     = !google_storage_bucket.archive.force_destroy
    error_message = "Destroying would delete the archive."
  }
}

run "encrypted" {
  command = plan
  assert {
    condition     = google_storage_bucket.archive.encryption[0].default_kms_key_name == google_kms_crypto_key.archive[0].id
    error_message = "The bucket does not use the key."
  }
  assert {
    condition     = google_kms_crypto_key.archive[0].rotation_period == "7776000s" && google_kms_key_ring.archive[0].location == "europe"
    error_message = "The key is not rotated, or not where the bucket is."
  }
  assert {
    condition     = google_kms_crypto_key_iam_member.storage.member == "serviceAccount:service-1@gs-project-accounts.iam.gserviceaccount.com"
    error_message = "Cloud Storage may not use the key."
  }
}

run "deleted_goes" {
  command = plan
  assert {
    condition     = google_storage_bucket.archive.soft_delete_policy[0].retention_duration_seconds == 604800 && !google_storage_bucket.archive.versioning[0].enabled
    error_message = "What was deleted stays for longer than a week."
  }
  assert {
    condition     = length(google_storage_bucket.archive.retention_policy) == 0
    error_message = "Nothing can be deleted."
  }
  assert {
    condition     = [for rule in google_storage_bucket.archive.lifecycle_rule : one(rule.action).type] == ["AbortIncompleteMultipartUpload"]
    error_message = "Parts stay, or something else happens by age."
  }
}

run "logged" {
  command = plan
  assert {
    condition     = toset(google_project_iam_audit_config.storage[0].audit_log_config[*].log_type) == toset(["ADMIN_READ", "DATA_READ", "DATA_WRITE"])
    error_message = "Reads and writes are not logged."
  }
}

run "one_identity_on_one_bucket" {
  command = plan
  assert {
    condition     = google_storage_bucket_iam_member.orthanc.bucket == "hospital-archive" && google_storage_bucket_iam_member.orthanc.role == google_project_iam_custom_role.storage.id
    error_message = "The role is not for the bucket alone."
  }
  assert {
    condition     = google_storage_bucket_iam_member.orthanc.member == "serviceAccount:orthanc-storage@hospital-imaging.iam.gserviceaccount.com"
    error_message = "Somebody else has the role."
  }
  assert {
    condition     = !contains(output.granted, "storage.objects.list")
    error_message = "Orthanc may list."
  }
}
