# What each option does.

mock_provider "azurerm" {
  override_during = plan
  source          = "./tests/mocks"
  mock_data "azurerm_storage_account" {
    defaults = {
      id                              = "/subscriptions/s/resourceGroups/shared/providers/Microsoft.Storage/storageAccounts/given"
      primary_blob_endpoint           = "https://given.blob.core.windows.net/"
      https_traffic_only_enabled      = true
      min_tls_version                 = "TLS1_2"
      allow_nested_items_to_be_public = false
    }
  }
}

variables {
  resource_group_name  = "imaging"
  location             = "westeurope"
  storage_account_name = "hospital"
  allowed_ip_rules     = ["198.51.100.7"]
  operator_ip_rules    = ["203.0.113.9"]
}

run "old_versions_are_deleted" {
  command = plan
  variables {
    version_days     = 3
    soft_delete_days = 1
    transitions      = { cool = 90 }
  }
  assert {
    condition     = azurerm_storage_account.archive[0].blob_properties[0].versioning_enabled && azurerm_storage_account.archive[0].blob_properties[0].delete_retention_policy[0].days == 1
    error_message = "Versions or soft delete are not as told."
  }
  assert {
    condition     = azurerm_storage_management_policy.archive[0].rule[0].actions[0].base_blob[0].tier_to_cool_after_days_since_modification_greater_than == 90
    error_message = "Blobs are not cooled at that age."
  }
  assert {
    condition     = azurerm_storage_management_policy.archive[0].rule[1].actions[0].version[0].delete_after_days_since_creation == 3 && azurerm_storage_management_policy.archive[0].rule[1].filters[0].prefix_match == toset(["archive/"])
    error_message = "Old versions stay, or those of other containers go."
  }
}

run "deleted_is_deleted" {
  command = plan
  variables {
    soft_delete_days = 0
  }
  assert {
    condition     = length(azurerm_storage_account.archive[0].blob_properties[0].delete_retention_policy) == 0
    error_message = "What was deleted stays."
  }
}

run "private_endpoint_only" {
  command = plan
  variables {
    allowed_ip_rules = []
    private_endpoint = { subnet_id = "/subscriptions/s/subnets/endpoints", private_dns_zone_ids = ["/subscriptions/s/zone"] }
  }
  assert {
    condition     = !azurerm_storage_account.archive[0].public_network_access_enabled
    error_message = "The account has a public address."
  }
  assert {
    condition     = azurerm_private_endpoint.blob[0].private_service_connection[0].subresource_names == tolist(["blob"]) && azurerm_private_endpoint.blob[0].private_dns_zone_group[0].private_dns_zone_ids == tolist(["/subscriptions/s/zone"])
    error_message = "The endpoint is for something else, or has no name."
  }
}

run "immutable" {
  command = plan
  variables {
    immutability = { days = 3650, locked = true }
  }
  assert {
    condition     = azurerm_storage_container_immutability_policy.archive[0].immutability_period_in_days == 3650 && azurerm_storage_container_immutability_policy.archive[0].locked
    error_message = "The policy is not as told."
  }
  assert {
    condition     = jsondecode(output.storage_plugins_json).StoragePlugins.Preflight == false
    error_message = "Orthanc would delete its trial at start, fail, and not start."
  }
}

run "second_account" {
  command = plan
  variables {
    version_days       = 1
    object_replication = { storage_account_id = "/subscriptions/s/second", container_name = "archive" }
  }
  assert {
    condition     = azurerm_storage_account.archive[0].blob_properties[0].change_feed_enabled && azurerm_storage_object_replication.second[0].destination_storage_account_id == "/subscriptions/s/second"
    error_message = "Nothing is copied."
  }
}

run "given_key" {
  command = plan
  variables {
    key = { id = "https://keys.vault.azure.net/keys/archive", scope = "/subscriptions/s/vault" }
  }
  assert {
    condition     = length(azurerm_key_vault.archive) == 0 && azurerm_storage_account.archive[0].customer_managed_key[0].key_vault_key_id == var.key.id && azurerm_role_assignment.account_key[0].scope == "/subscriptions/s/vault"
    error_message = "The given key is not the one that is used."
  }
}

run "given_account" {
  command = plan
  variables {
    storage_account_name = null
    storage_account_id   = "/subscriptions/s/resourceGroups/shared/providers/Microsoft.Storage/storageAccounts/given"
    allowed_ip_rules     = []
  }
  assert {
    condition     = length(azurerm_storage_account.archive) == 0 && length(azurerm_key_vault.archive) == 0 && azurerm_storage_container.archive.storage_account_id == var.storage_account_id
    error_message = "The given account is not the one that is used."
  }
  assert {
    condition     = data.azurerm_storage_account.given[0].name == "given" && data.azurerm_storage_account.given[0].resource_group_name == "shared"
    error_message = "Another account is looked at."
  }
}

run "given_account_that_takes_http" {
  command = plan
  variables {
    storage_account_name = null
    storage_account_id   = "/subscriptions/s/resourceGroups/shared/providers/Microsoft.Storage/storageAccounts/given"
    allowed_ip_rules     = []
  }
  override_data {
    target = data.azurerm_storage_account.given[0]
    values = {
      https_traffic_only_enabled      = false
      min_tls_version                 = "TLS1_2"
      allow_nested_items_to_be_public = false
    }
  }
  expect_failures = [data.azurerm_storage_account.given]
}

run "given_identity" {
  command = plan
  variables {
    identity = { principal_id = "00000000-0000-0000-0000-000000000001" }
  }
  assert {
    condition     = length(azurerm_user_assigned_identity.orthanc) == 0 && azurerm_role_assignment.orthanc.principal_id == "00000000-0000-0000-0000-000000000001"
    error_message = "The given identity is not the one that has the role."
  }
}

run "kubernetes" {
  command = plan
  variables {
    kubernetes = { issuer_url = "https://oidc.example/1/", namespace = "imaging", service_account = "orthanc" }
  }
  assert {
    condition     = azurerm_federated_identity_credential.kubernetes[0].subject == "system:serviceaccount:imaging:orthanc"
    error_message = "Other pods act as Orthanc, or none."
  }
  assert {
    condition     = jsondecode(output.storage_plugins_json).StoragePlugins.Options.Credential == "workload-identity"
    error_message = "The plugin looks for another identity."
  }
}

run "listing_and_tags" {
  command = plan
  variables {
    allow_list = true
    allow_tags = true
  }
  assert {
    condition     = azurerm_role_assignment.orthanc.condition == null && contains(output.granted, "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/tags/write")
    error_message = "Listing or tags are not allowed."
  }
}

run "own_workspace_for_logs" {
  command = plan
  variables {
    logging = { workspace_id = "/subscriptions/s/workspace", reads = false }
  }
  assert {
    condition     = length(azurerm_log_analytics_workspace.archive) == 0 && azurerm_monitor_diagnostic_setting.blobs[0].log_analytics_workspace_id == "/subscriptions/s/workspace" && !contains(azurerm_monitor_diagnostic_setting.blobs[0].enabled_log[*].category, "StorageRead")
    error_message = "Logs do not go where they should."
  }
}
