# The index. All Orthancs share it; Azure keeps backups and a second copy in another zone.

resource "azurerm_postgresql_flexible_server" "index" {
  #checkov:skip=CKV2_AZURE_57:It is in a subnet of the network and has no public address, which is Azure's other private way.
  name                              = "${var.name}-orthanc-index"
  resource_group_name               = azurerm_resource_group.orthanc.name
  location                          = azurerm_resource_group.orthanc.location
  version                           = "15"
  sku_name                          = var.database_sku
  storage_mb                        = 65536
  delegated_subnet_id               = azurerm_subnet.database.id
  private_dns_zone_id               = azurerm_private_dns_zone.database.id
  public_network_access_enabled     = false
  administrator_login               = "orthanc"
  administrator_password_wo         = var.database_password
  administrator_password_wo_version = var.secrets_version
  backup_retention_days             = 14
  geo_redundant_backup_enabled      = true

  high_availability {
    mode = "ZoneRedundant"
  }

  lifecycle {
    # Azure chooses them, and exchanges them after a failure.
    ignore_changes = [zone, high_availability[0].standby_availability_zone]
  }

  depends_on = [azurerm_private_dns_zone_virtual_network_link.database]
}

# Orthanc searches with it.
resource "azurerm_postgresql_flexible_server_configuration" "extensions" {
  name      = "azure.extensions"
  server_id = azurerm_postgresql_flexible_server.index.id
  value     = "PG_TRGM"
}

resource "azurerm_postgresql_flexible_server_database" "index" {
  name      = "orthanc"
  server_id = azurerm_postgresql_flexible_server.index.id
  charset   = "UTF8"
  collation = "en_US.utf8"

  lifecycle {
    # Without its index nobody finds a study.
    prevent_destroy = true
  }
}
