# Orthanc on virtual machines, its index in PostgreSQL, its files in a container.

resource "azurerm_resource_group" "orthanc" {
  name     = "${var.name}-orthanc"
  location = var.location
}

module "archive" {
  source               = "../../modules/azure"
  resource_group_name  = azurerm_resource_group.orthanc.name
  location             = azurerm_resource_group.orthanc.location
  storage_account_name = "${var.name}archive"
  operator_ip_rules    = [var.operator_ip]
  private_endpoint = {
    subnet_id            = azurerm_subnet.endpoints.id
    private_dns_zone_ids = [azurerm_private_dns_zone.blob.id]
  }
}
