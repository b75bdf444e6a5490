output "storage_plugins_json" {
  description = "The section StoragePlugins for the Orthanc in the hospital: /etc/orthanc/storage-plugins.json."
  value       = jsonencode({ StoragePlugins = local.section })
}

output "aws_config" {
  description = "For /var/lib/orthanc/.aws/config, on a Debian where Orthanc's user has its home there."
  value       = <<-END
    [profile orthanc]
    region = ${var.region}
    credential_process = /usr/local/bin/aws_signing_helper credential-process --certificate /etc/orthanc/orthanc-cert.pem --private-key /etc/orthanc/orthanc-key.pem --trust-anchor-arn ${aws_rolesanywhere_trust_anchor.hospital.arn} --profile-arn ${aws_rolesanywhere_profile.orthanc.arn} --role-arn ${module.archive.role_arn}
  END
}

output "replica_storage_plugins_json" {
  description = "The section for the copy in the second region. Null without one."
  value       = module.archive.replica_storage_plugins_json
}
