# The key. The account uses it, with an identity of its own; Orthanc's needs no right to it.

locals {
  own_key = local.own_account && var.key == null
  key_id  = local.own_key ? azurerm_key_vault_key.archive[0].versionless_id : try(var.key.id, null)
}

data "azurerm_client_config" "current" {}

resource "azurerm_user_assigned_identity" "account" {
  count               = local.own_account ? 1 : 0
  name                = "${var.storage_account_name}-key"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_key_vault" "archive" {
  #checkov:skip=CKV2_AZURE_32:Its firewall lets in the operator only; the account reaches it as a trusted service of Azure.
  count                         = local.own_key ? 1 : 0
  name                          = coalesce(var.key_vault_name, "kv-${substr(coalesce(var.storage_account_name, "none"), 0, 21)}")
  resource_group_name           = var.resource_group_name
  location                      = var.location
  tenant_id                     = data.azurerm_client_config.current.tenant_id
  sku_name                      = "premium"
  rbac_authorization_enabled    = true
  purge_protection_enabled      = true
  soft_delete_retention_days    = 90
  public_network_access_enabled = true
  tags                          = var.tags

  network_acls {
    default_action = "Deny"
    bypass         = "AzureServices"
    ip_rules       = var.operator_ip_rules
  }
}

# Whoever runs Terraform makes the key.
resource "azurerm_role_assignment" "key_officer" {
  count                = local.own_key ? 1 : 0
  scope                = azurerm_key_vault.archive[0].id
  role_definition_name = "Key Vault Crypto Officer"
  principal_id         = data.azurerm_client_config.current.object_id
}

resource "azurerm_key_vault_key" "archive" {
  #checkov:skip=CKV_AZURE_40:A key that expires would take the archive with it; it is rotated.
  count        = local.own_key ? 1 : 0
  name         = "archive"
  key_vault_id = azurerm_key_vault.archive[0].id
  key_type     = "RSA-HSM"
  key_size     = 3072
  key_opts     = ["unwrapKey", "wrapKey"]
  tags         = var.tags

  rotation_policy {
    automatic {
      time_after_creation = "P${var.key_rotation_days}D"
    }
  }

  depends_on = [azurerm_role_assignment.key_officer]
}

resource "azurerm_role_assignment" "account_key" {
  count                = local.own_account ? 1 : 0
  scope                = local.own_key ? azurerm_key_vault_key.archive[0].resource_versionless_id : var.key.scope
  role_definition_name = "Key Vault Crypto Service Encryption User"
  principal_id         = azurerm_user_assigned_identity.account[0].principal_id
  principal_type       = "ServicePrincipal"
}
