# Copies of new blobs in another account, in another region.

resource "azurerm_storage_object_replication" "second" {
  count                          = local.own_account && var.object_replication != null ? 1 : 0
  source_storage_account_id      = azurerm_storage_account.archive[0].id
  destination_storage_account_id = var.object_replication.storage_account_id

  rules {
    source_container_name      = azurerm_storage_container.archive.name
    destination_container_name = var.object_replication.container_name
  }
}
