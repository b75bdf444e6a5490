# What Azure would tell of what it has made.

mock_resource "azurerm_key_vault_key" {
  defaults = {
    versionless_id          = "https://kv-hospital.vault.azure.net/keys/archive"
    resource_versionless_id = "/subscriptions/s/resourceGroups/imaging/providers/Microsoft.KeyVault/vaults/kv-hospital/keys/archive"
  }
}
mock_resource "azurerm_user_assigned_identity" {
  defaults = {
    id           = "/subscriptions/s/resourceGroups/imaging/providers/Microsoft.ManagedIdentity/userAssignedIdentities/orthanc"
    client_id    = "00000000-0000-0000-0000-00000000000c"
    principal_id = "00000000-0000-0000-0000-00000000000b"
  }
}
mock_resource "azurerm_storage_container" {
  defaults = { id = "/subscriptions/s/resourceGroups/imaging/providers/Microsoft.Storage/storageAccounts/hospital/blobServices/default/containers/archive" }
}
mock_resource "azurerm_storage_account" {
  defaults = {
    id                    = "/subscriptions/s/resourceGroups/imaging/providers/Microsoft.Storage/storageAccounts/hospital"
    primary_blob_endpoint = "https://hospital.blob.core.windows.net/"
  }
}
