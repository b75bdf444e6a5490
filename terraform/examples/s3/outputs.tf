output "addresses" {
  description = "Private addresses of the machines. HTTP is on port 8042, DICOM on 4242."
  value       = aws_instance.orthanc[*].private_ip
}

output "bucket" {
  description = "The archive's bucket."
  value       = module.archive.bucket
}

output "storage_plugins_json" {
  description = "The section StoragePlugins that the machines have."
  value       = module.archive.storage_plugins_json
}
