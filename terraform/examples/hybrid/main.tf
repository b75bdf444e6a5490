# An Orthanc in the hospital, its archive in the cloud. Uploads wait on a disk in the hospital while the line is down, and
# what was read lately is read from there.

module "archive" {
  source      = "../../modules/s3"
  bucket      = var.bucket
  runs_on     = "roles_anywhere"
  replication = var.replica_region == null ? null : { region = var.replica_region }

  roles_anywhere = {
    trust_anchor_arn = aws_rolesanywhere_trust_anchor.hospital.arn
    common_name      = var.common_name
  }
}

locals {
  archive = jsondecode(module.archive.storage_plugins_json).StoragePlugins
  section = merge(local.archive, {
    Options         = merge(local.archive.Options, { Profile = "orthanc" })
    WriteBehind     = { Path = "/var/lib/orthanc-storage/pending", MaximumSize = var.pending_gb * 1000 }
    DelayedDeletion = { Path = "/var/lib/orthanc-storage/deletions" }
    Cache           = { Path = "/var/cache/orthanc-storage", MaximumSize = var.cache_gb * 1000 }
  })
}
