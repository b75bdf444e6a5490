# Safe without being told to be.

mock_provider "azurerm" {
  override_during = plan
  source          = "./tests/mocks"
}

variables {
  resource_group_name  = "imaging"
  location             = "westeurope"
  storage_account_name = "hospital"
  allowed_ip_rules     = ["198.51.100.7"]
  operator_ip_rules    = ["203.0.113.9"]
}

run "private" {
  command = plan
  assert {
    condition     = azurerm_storage_account.archive[0].allow_nested_items_to_be_public == false
    error_message = "Blobs could be made public."
  }
  assert {
    condition     = azurerm_storage_container.archive.container_access_type == "private"
    error_message = "The container could be public."
  }
  assert {
    condition     = azurerm_storage_account.archive[0].https_traffic_only_enabled == true && azurerm_storage_account.archive[0].min_tls_version == "TLS1_2"
    error_message = "HTTP or old TLS is taken."
  }
  assert {
    condition     = azurerm_storage_account.archive[0].shared_access_key_enabled == false && azurerm_storage_account.archive[0].local_user_enabled == false
    error_message = "Keys of the account work."
  }
  assert {
    condition     = azurerm_storage_account.archive[0].network_rules[0].default_action == "Deny" && azurerm_storage_account.archive[0].network_rules[0].ip_rules == toset(["198.51.100.7"])
    error_message = "Other networks reach the account."
  }
}

run "encrypted" {
  command = plan
  assert {
    condition     = azurerm_storage_account.archive[0].customer_managed_key[0].key_vault_key_id == azurerm_key_vault_key.archive[0].versionless_id
    error_message = "The account does not use the key, or only one version of it."
  }
  assert {
    condition     = azurerm_storage_account.archive[0].infrastructure_encryption_enabled
    error_message = "Encryption of the infrastructure is off."
  }
  assert {
    condition     = azurerm_key_vault.archive[0].purge_protection_enabled && azurerm_key_vault_key.archive[0].rotation_policy[0].automatic[0].time_after_creation == "P365D"
    error_message = "The key can be lost, or is not rotated."
  }
  assert {
    condition     = azurerm_key_vault.archive[0].network_acls[0].default_action == "Deny" && azurerm_key_vault.archive[0].network_acls[0].ip_rules == toset(["203.0.113.9"])
    error_message = "Other networks reach the key vault."
  }
  assert {
    condition     = azurerm_role_assignment.account_key[0].scope == azurerm_key_vault_key.archive[0].resource_versionless_id
    error_message = "The account may use other keys, or not this one."
  }
}

run "deleted_goes" {
  command = plan
  assert {
    condition     = azurerm_storage_account.archive[0].blob_properties[0].delete_retention_policy[0].days == 7 && !azurerm_storage_account.archive[0].blob_properties[0].versioning_enabled
    error_message = "What was deleted stays for longer than a week."
  }
  assert {
    condition     = length(azurerm_storage_container_immutability_policy.archive) == 0 && length(azurerm_storage_management_policy.archive) == 0
    error_message = "Something happens by age, or nothing can be deleted."
  }
}

run "logged" {
  command = plan
  assert {
    condition     = toset(azurerm_monitor_diagnostic_setting.blobs[0].enabled_log[*].category) == toset(["StorageDelete", "StorageRead", "StorageWrite"])
    error_message = "Not every request is logged."
  }
  assert {
    condition     = azurerm_monitor_diagnostic_setting.blobs[0].target_resource_id == "/subscriptions/s/resourceGroups/imaging/providers/Microsoft.Storage/storageAccounts/hospital/blobServices/default"
    error_message = "Something else is logged."
  }
}

run "one_identity_on_one_container" {
  command = plan
  assert {
    condition     = azurerm_role_assignment.orthanc.scope == azurerm_storage_container.archive.id && azurerm_role_assignment.orthanc.principal_id == azurerm_user_assigned_identity.orthanc[0].principal_id
    error_message = "The role is not for the container and Orthanc alone."
  }
  assert {
    condition     = azurerm_role_definition.storage.scope == "/subscriptions/s/resourceGroups/imaging" && toset(one(azurerm_role_definition.storage.permissions).actions) == toset(["Microsoft.Storage/storageAccounts/blobServices/containers/write"])
    error_message = "The role can be given elsewhere, or manages more than a batch needs."
  }
  assert {
    condition     = strcontains(coalesce(azurerm_role_assignment.orthanc.condition, "none"), "SubOperationMatches{'Blob.List'}") && azurerm_role_assignment.orthanc.condition_version == "2.0"
    error_message = "Orthanc may list."
  }
}
