# The account: private, TLS only, encrypted with a customer's key, without account keys. And the container.

locals {
  own_account = var.storage_account_id == null
  account = {
    id   = local.own_account ? azurerm_storage_account.archive[0].id : data.azurerm_storage_account.given[0].id
    name = local.own_account ? azurerm_storage_account.archive[0].name : data.azurerm_storage_account.given[0].name
    # Other clouds of Microsoft have other names.
    endpoint = trimsuffix(local.own_account ? azurerm_storage_account.archive[0].primary_blob_endpoint : data.azurerm_storage_account.given[0].primary_blob_endpoint, "/")
  }
}

resource "azurerm_storage_account" "archive" {
  count               = local.own_account ? 1 : 0
  name                = var.storage_account_name
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags

  account_kind             = "StorageV2"
  account_tier             = "Standard"
  account_replication_type = var.account_replication_type
  access_tier              = var.access_tier

  https_traffic_only_enabled        = true
  min_tls_version                   = "TLS1_2"
  allow_nested_items_to_be_public   = false
  cross_tenant_replication_enabled  = false
  shared_access_key_enabled         = var.shared_keys
  default_to_oauth_authentication   = true
  local_user_enabled                = false
  infrastructure_encryption_enabled = var.infrastructure_encryption
  public_network_access_enabled     = length(var.allowed_ip_rules) + length(var.allowed_subnet_ids) > 0

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.account[0].id]
  }

  customer_managed_key {
    key_vault_key_id          = local.key_id
    user_assigned_identity_id = azurerm_user_assigned_identity.account[0].id
  }

  network_rules {
    default_action             = "Deny"
    bypass                     = ["AzureServices", "Logging", "Metrics"]
    ip_rules                   = var.allowed_ip_rules
    virtual_network_subnet_ids = var.allowed_subnet_ids
  }

  # For whoever turns the keys on: a signature that is good for longer is in the log.
  sas_policy {
    expiration_period = "01.00:00:00"
    expiration_action = "Log"
  }

  blob_properties {
    versioning_enabled            = var.version_days > 0
    change_feed_enabled           = var.object_replication != null
    change_feed_retention_in_days = var.object_replication == null ? null : 7

    dynamic "delete_retention_policy" {
      for_each = var.soft_delete_days > 0 ? [var.soft_delete_days] : []
      content {
        days = delete_retention_policy.value
      }
    }

    dynamic "container_delete_retention_policy" {
      for_each = var.soft_delete_days > 0 ? [var.soft_delete_days] : []
      content {
        days = container_delete_retention_policy.value
      }
    }
  }

  # Azure refuses an account whose key it may not use.
  depends_on = [azurerm_role_assignment.account_key]
}

data "azurerm_storage_account" "given" {
  count               = local.own_account ? 0 : 1
  name                = split("/", var.storage_account_id)[8]
  resource_group_name = split("/", var.storage_account_id)[4]

  lifecycle {
    postcondition {
      condition     = self.https_traffic_only_enabled && self.min_tls_version != "TLS1_0" && self.min_tls_version != "TLS1_1" && !self.allow_nested_items_to_be_public
      error_message = "storage_account_id: the account must refuse HTTP, TLS before 1.2, and public access to blobs."
    }
  }
}

resource "azurerm_storage_container" "archive" {
  #checkov:skip=CKV2_AZURE_21:It looks for the old logs; logging.tf sends reads to Log Analytics.
  name                  = var.container_name
  storage_account_id    = local.account.id
  container_access_type = "private"
}

resource "azurerm_storage_container_immutability_policy" "archive" {
  count                                 = var.immutability == null ? 0 : 1
  storage_container_resource_manager_id = azurerm_storage_container.archive.id
  immutability_period_in_days           = var.immutability.days
  locked                                = var.immutability.locked
}
