# An identity from outside: its token is exchanged for one of the service account, which it may act as.

resource "google_iam_workload_identity_pool" "outside" {
  count                     = var.federation == null ? 0 : 1
  project                   = var.project
  workload_identity_pool_id = local.pool
  display_name              = "Orthanc outside Google"
}

resource "google_iam_workload_identity_pool_provider" "outside" {
  count                              = var.federation == null ? 0 : 1
  project                            = var.project
  workload_identity_pool_id          = google_iam_workload_identity_pool.outside[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "oidc"
  attribute_mapping                  = { "google.subject" = "assertion.sub" }
  attribute_condition                = "assertion.sub == '${var.federation.subject}'"

  oidc {
    issuer_uri        = var.federation.issuer_uri
    allowed_audiences = var.federation.audiences
  }
}

resource "google_service_account_iam_member" "outside" {
  count              = var.federation == null ? 0 : 1
  service_account_id = local.service_account_name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principal://iam.googleapis.com/${google_iam_workload_identity_pool.outside[0].name}/subject/${var.federation.subject}"
}

locals {
  # At most 32 characters, and the same each time.
  pool = "orthanc-${substr(sha256(var.bucket), 0, 12)}"

  federation_credentials = var.federation == null ? null : {
    type                              = "external_account"
    audience                          = "//iam.googleapis.com/${google_iam_workload_identity_pool.outside[0].name}/providers/oidc"
    subject_token_type                = "urn:ietf:params:oauth:token-type:jwt"
    token_url                         = "https://sts.googleapis.com/v1/token"
    service_account_impersonation_url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${local.service_account_email}:generateAccessToken"
    credential_source                 = { file = var.federation.token_file }
  }
}
