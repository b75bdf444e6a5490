# What each option does.

mock_provider "google" {
  override_during = plan
  mock_resource "google_iam_workload_identity_pool" {
    defaults = { name = "projects/1/locations/global/workloadIdentityPools/orthanc" }
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
  location = "europe-west3"
}

run "old_versions_are_deleted" {
  command = plan
  variables {
    version_days     = 3
    soft_delete_days = 0
    transitions      = { COLDLINE = 365 }
  }
  assert {
    condition     = google_storage_bucket.archive.versioning[0].enabled && google_storage_bucket.archive.soft_delete_policy[0].retention_duration_seconds == 0
    error_message = "Versions or soft delete are not as told."
  }
  assert {
    condition     = jsonencode([for rule in google_storage_bucket.archive.lifecycle_rule : [one(rule.action).type, one(rule.condition).days_since_noncurrent_time, one(rule.condition).age] if one(rule.action).type != "AbortIncompleteMultipartUpload"]) == jsonencode([["Delete", 3, null], ["SetStorageClass", null, 365]])
    error_message = "Old versions stay, or objects change their class at another age."
  }
}

run "two_regions" {
  command = plan
  variables {
    location          = "EU"
    data_locations    = ["europe-west3", "europe-west4"]
    turbo_replication = true
  }
  assert {
    condition     = google_storage_bucket.archive.custom_placement_config[0].data_locations == toset(["EUROPE-WEST3", "EUROPE-WEST4"]) && google_storage_bucket.archive.rpo == "ASYNC_TURBO"
    error_message = "The data is not in both regions."
  }
}

run "retention" {
  command = plan
  variables {
    retention_days   = 3650
    retention_locked = true
  }
  assert {
    condition     = google_storage_bucket.archive.retention_policy[0].is_locked && tonumber(google_storage_bucket.archive.retention_policy[0].retention_period) == 315360000
    error_message = "The policy is not as told."
  }
  assert {
    condition     = jsondecode(output.storage_plugins_json).StoragePlugins.Preflight == false
    error_message = "Orthanc would delete its trial at start, fail, and not start."
  }
}

run "given_key_and_account" {
  command = plan
  variables {
    kms_key               = "projects/keys/locations/europe-west3/keyRings/imaging/cryptoKeys/archive"
    service_account_email = "orthanc@other-project.iam.gserviceaccount.com"
    gke                   = { namespace = "imaging", service_account = "orthanc" }
  }
  assert {
    condition     = length(google_kms_crypto_key.archive) == 0 && google_storage_bucket.archive.encryption[0].default_kms_key_name == var.kms_key && google_kms_crypto_key_iam_member.storage.crypto_key_id == var.kms_key
    error_message = "The given key is not the one that is used."
  }
  assert {
    condition     = length(google_service_account.orthanc) == 0 && google_storage_bucket_iam_member.orthanc.member == "serviceAccount:orthanc@other-project.iam.gserviceaccount.com"
    error_message = "The given service account is not the one that has the role."
  }
  assert {
    condition     = google_service_account_iam_member.gke[0].service_account_id == "projects/other-project/serviceAccounts/orthanc@other-project.iam.gserviceaccount.com"
    error_message = "The pods act as another account."
  }
}

run "gke" {
  command = plan
  variables {
    gke = { namespace = "imaging", service_account = "orthanc", project = "clusters" }
  }
  assert {
    condition     = google_service_account_iam_member.gke[0].member == "serviceAccount:clusters.svc.id.goog[imaging/orthanc]" && google_service_account_iam_member.gke[0].role == "roles/iam.workloadIdentityUser"
    error_message = "Other pods act as Orthanc, or none."
  }
}

run "federation" {
  command = plan
  variables {
    federation = {
      issuer_uri = "https://idp.hospital.example"
      subject    = "system:serviceaccount:imaging:orthanc"
      token_file = "/run/orthanc/token"
    }
  }
  assert {
    condition     = google_iam_workload_identity_pool_provider.outside[0].attribute_condition == "assertion.sub == 'system:serviceaccount:imaging:orthanc'"
    error_message = "Other subjects get in."
  }
  assert {
    condition     = google_service_account_iam_member.outside[0].member == "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/orthanc/subject/system:serviceaccount:imaging:orthanc"
    error_message = "Other subjects act as Orthanc."
  }
}

run "below_a_prefix" {
  command = plan
  variables {
    prefix             = "site-a"
    restrict_to_prefix = true
  }
  assert {
    condition     = google_storage_bucket_iam_member.orthanc.condition[0].expression == "resource.name.startsWith(\"projects/_/buckets/hospital-archive/objects/site-a/\")"
    error_message = "Other archives of the bucket are reached."
  }
}

run "listing" {
  command = plan
  variables {
    prefix             = "site-a"
    restrict_to_prefix = true
    allow_list         = true
  }
  assert {
    condition     = contains(output.granted, "storage.objects.list")
    error_message = "Listing is not allowed."
  }
  assert {
    condition     = endswith(google_storage_bucket_iam_member.orthanc.condition[0].expression, "|| api.getAttribute(\"storage.googleapis.com/objectListPrefix\", \"\").startsWith(\"site-a/\")")
    error_message = "Other archives of the bucket are listed, or none."
  }
}

run "usage_logs" {
  command = plan
  variables {
    log_bucket = "hospital-logs"
    audit_logs = false
  }
  assert {
    condition     = google_storage_bucket.archive.logging[0].log_bucket == "hospital-logs" && google_storage_bucket_iam_member.usage_logs[0].bucket == "hospital-logs" && length(google_project_iam_audit_config.storage) == 0
    error_message = "Logs do not go where they should."
  }
}
