# Who read and wrote what. Names of blobs are random, so logs hold no patient data.

resource "azurerm_log_analytics_workspace" "archive" {
  count               = var.logging != null && try(var.logging.workspace_id, null) == null ? 1 : 0
  name                = "${local.account.name}-logs"
  resource_group_name = var.resource_group_name
  location            = var.location
  sku                 = "PerGB2018"
  retention_in_days   = var.logging.days
  tags                = var.tags
}

resource "azurerm_monitor_diagnostic_setting" "blobs" {
  count                      = var.logging == null ? 0 : 1
  name                       = "orthanc-${var.container_name}"
  target_resource_id         = "${local.account.id}/blobServices/default"
  log_analytics_workspace_id = try(azurerm_log_analytics_workspace.archive[0].id, var.logging.workspace_id)

  dynamic "enabled_log" {
    for_each = toset(concat(var.logging.reads ? ["StorageRead"] : [], ["StorageDelete", "StorageWrite"]))
    content {
      category = enabled_log.value
    }
  }
}
