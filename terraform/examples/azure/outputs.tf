output "addresses" {
  description = "Private addresses of the machines. HTTP is on port 8042, DICOM on 4242."
  value       = azurerm_network_interface.orthanc[*].private_ip_address
}

output "container" {
  description = "The archive's account and container."
  value       = "${module.archive.storage_account_id}/blobServices/default/containers/${module.archive.container_name}"
}

output "storage_plugins_json" {
  description = "The section StoragePlugins that the machines have."
  value       = module.archive.storage_plugins_json
}
