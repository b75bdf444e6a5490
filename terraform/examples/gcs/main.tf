# Orthanc on virtual machines, its index in Cloud SQL, its files in a bucket.

locals {
  services = toset([
    "cloudkms.googleapis.com",
    "compute.googleapis.com",
    "iam.googleapis.com",
    "secretmanager.googleapis.com",
    "servicenetworking.googleapis.com",
    "sqladmin.googleapis.com",
    "storage.googleapis.com",
  ])
}

resource "google_project_service" "needed" {
  for_each           = local.services
  project            = var.project
  service            = each.value
  disable_on_destroy = false
}

module "archive" {
  source   = "../../modules/gcs"
  project  = var.project
  bucket   = var.bucket
  location = var.region

  depends_on = [google_project_service.needed]
}
