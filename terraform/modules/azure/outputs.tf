locals {
  credential = var.kubernetes == null ? "managed-identity" : "workload-identity"
}

output "storage_plugins_json" {
  description = "The section StoragePlugins for Orthanc's configuration, as JSON."
  value = jsonencode({
    StoragePlugins = { for key, value in {
      Backend = "azure"
      Prefix  = var.prefix == "" ? null : var.prefix
      # It deletes what it wrote, which an immutability policy forbids.
      Preflight = var.immutability == null ? null : false
      Options = { for key, value in {
        Account    = local.account.name
        Endpoint   = local.account.endpoint
        Container  = azurerm_storage_container.archive.name
        Credential = local.own_identity || var.identity.client_id != null ? local.credential : "default"
        ClientId   = local.client_id
      } : key => value if value != null }
    } : key => value if value != null }
  })
}

output "actions" {
  description = "What the plugin does, and the actions that it needs for it."
  value       = local.actions
}

output "granted" {
  description = "What the role allows: data actions, and the one action that is none."
  value       = local.granted
}

output "storage_account_id" {
  description = "Resource id of the account."
  value       = local.account.id
}

output "container_name" {
  description = "Name of the container."
  value       = azurerm_storage_container.archive.name
}

output "identity" {
  description = "The created identity, to attach to the virtual machine, container app or service account of Kubernetes (annotation azure.workload.identity/client-id). Null if one was given."
  value = local.own_identity ? {
    id           = azurerm_user_assigned_identity.orthanc[0].id
    client_id    = azurerm_user_assigned_identity.orthanc[0].client_id
    principal_id = azurerm_user_assigned_identity.orthanc[0].principal_id
  } : null
}

output "key_id" {
  description = "Id of the key that encrypts the account, without a version. Null if the account was given."
  value       = local.key_id
}
