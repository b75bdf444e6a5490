# An address of its own in a network, so that nothing goes over the internet.

resource "azurerm_private_endpoint" "blob" {
  count               = local.own_account && var.private_endpoint != null ? 1 : 0
  name                = "${var.storage_account_name}-blob"
  resource_group_name = var.resource_group_name
  location            = var.location
  subnet_id           = var.private_endpoint.subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = "blob"
    private_connection_resource_id = azurerm_storage_account.archive[0].id
    subresource_names              = ["blob"]
    is_manual_connection           = false
  }

  dynamic "private_dns_zone_group" {
    for_each = length(var.private_endpoint.private_dns_zone_ids) > 0 ? [var.private_endpoint.private_dns_zone_ids] : []
    content {
      name                 = "blob"
      private_dns_zone_ids = private_dns_zone_group.value
    }
  }
}
