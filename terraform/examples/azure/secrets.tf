# The passwords. The machines read them when they are made; Terraform's state does not hold them.

locals {
  secrets = toset(["database", "orthanc"])
}

data "azurerm_client_config" "current" {}

resource "azurerm_key_vault" "passwords" {
  #checkov:skip=CKV2_AZURE_32:Its firewall lets in the subnet of the machines and the operator, who is outside.
  name                       = "${var.name}-orthanc"
  resource_group_name        = azurerm_resource_group.orthanc.name
  location                   = azurerm_resource_group.orthanc.location
  tenant_id                  = data.azurerm_client_config.current.tenant_id
  sku_name                   = "standard"
  rbac_authorization_enabled = true
  purge_protection_enabled   = true
  soft_delete_retention_days = 90

  network_acls {
    default_action             = "Deny"
    bypass                     = "None"
    ip_rules                   = [var.operator_ip]
    virtual_network_subnet_ids = [azurerm_subnet.machines.id]
  }
}

resource "azurerm_role_assignment" "operator" {
  scope                = azurerm_key_vault.passwords.id
  role_definition_name = "Key Vault Secrets Officer"
  principal_id         = data.azurerm_client_config.current.object_id
}

resource "azurerm_key_vault_secret" "password" {
  #checkov:skip=CKV_AZURE_41:A password that expires by itself would stop Orthanc; secrets_version changes it.
  for_each         = local.secrets
  name             = "orthanc-password-${each.value}"
  key_vault_id     = azurerm_key_vault.passwords.id
  value_wo         = each.value == "database" ? var.database_password : var.orthanc_password
  value_wo_version = var.secrets_version
  content_type     = "text/plain"

  depends_on = [azurerm_role_assignment.operator]
}

resource "azurerm_role_assignment" "machines" {
  for_each             = local.secrets
  scope                = azurerm_key_vault_secret.password[each.value].resource_versionless_id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = module.archive.identity.principal_id
  principal_type       = "ServicePrincipal"
}
