# A network without public addresses but for what goes out: storage and database are reached inside.

resource "azurerm_virtual_network" "orthanc" {
  name                = "orthanc"
  resource_group_name = azurerm_resource_group.orthanc.name
  location            = azurerm_resource_group.orthanc.location
  address_space       = ["10.64.0.0/16"]
}

resource "azurerm_subnet" "machines" {
  name                            = "machines"
  resource_group_name             = azurerm_resource_group.orthanc.name
  virtual_network_name            = azurerm_virtual_network.orthanc.name
  address_prefixes                = ["10.64.1.0/24"]
  default_outbound_access_enabled = false

  service_endpoint {
    service = "Microsoft.KeyVault"
  }
}

resource "azurerm_subnet" "endpoints" {
  #checkov:skip=CKV2_AZURE_31:Only the private endpoint of the account is in it, which takes HTTPS alone.
  name                            = "endpoints"
  resource_group_name             = azurerm_resource_group.orthanc.name
  virtual_network_name            = azurerm_virtual_network.orthanc.name
  address_prefixes                = ["10.64.2.0/24"]
  default_outbound_access_enabled = false
}

resource "azurerm_subnet" "database" {
  #checkov:skip=CKV2_AZURE_31:It is delegated to PostgreSQL, which takes its own port alone.
  name                            = "database"
  resource_group_name             = azurerm_resource_group.orthanc.name
  virtual_network_name            = azurerm_virtual_network.orthanc.name
  address_prefixes                = ["10.64.3.0/24"]
  default_outbound_access_enabled = false

  delegation {
    name = "postgresql"
    service_delegation {
      name    = "Microsoft.DBforPostgreSQL/flexibleServers"
      actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
  }
}

# Debian's mirrors and the package index.
resource "azurerm_public_ip" "out" {
  name                = "orthanc-out"
  resource_group_name = azurerm_resource_group.orthanc.name
  location            = azurerm_resource_group.orthanc.location
  allocation_method   = "Static"
  sku                 = "Standard"
}

resource "azurerm_nat_gateway" "out" {
  name                = "orthanc-out"
  resource_group_name = azurerm_resource_group.orthanc.name
  location            = azurerm_resource_group.orthanc.location
  sku_name            = "Standard"
}

resource "azurerm_nat_gateway_public_ip_association" "out" {
  nat_gateway_id       = azurerm_nat_gateway.out.id
  public_ip_address_id = azurerm_public_ip.out.id
}

resource "azurerm_subnet_nat_gateway_association" "machines" {
  subnet_id      = azurerm_subnet.machines.id
  nat_gateway_id = azurerm_nat_gateway.out.id
}

resource "azurerm_network_security_group" "machines" {
  name                = "orthanc-machines"
  resource_group_name = azurerm_resource_group.orthanc.name
  location            = azurerm_resource_group.orthanc.location
}

resource "azurerm_network_security_rule" "clients" {
  name                        = "clients"
  resource_group_name         = azurerm_resource_group.orthanc.name
  network_security_group_name = azurerm_network_security_group.machines.name
  priority                    = 100
  direction                   = "Inbound"
  access                      = "Allow"
  protocol                    = "Tcp"
  source_address_prefixes     = var.client_ranges
  source_port_range           = "*"
  destination_address_prefix  = "10.64.1.0/24"
  destination_port_ranges     = ["4242", "8042"]
}

# Azure would let the whole network in.
resource "azurerm_network_security_rule" "nobody_else" {
  name                        = "nobody-else"
  resource_group_name         = azurerm_resource_group.orthanc.name
  network_security_group_name = azurerm_network_security_group.machines.name
  priority                    = 4000
  direction                   = "Inbound"
  access                      = "Deny"
  protocol                    = "*"
  source_address_prefix       = "*"
  source_port_range           = "*"
  destination_address_prefix  = "*"
  destination_port_range      = "*"
}

resource "azurerm_subnet_network_security_group_association" "machines" {
  subnet_id                 = azurerm_subnet.machines.id
  network_security_group_id = azurerm_network_security_group.machines.id
}

resource "azurerm_private_dns_zone" "blob" {
  name                = "privatelink.blob.core.windows.net"
  resource_group_name = azurerm_resource_group.orthanc.name
}

resource "azurerm_private_dns_zone" "database" {
  name                = "${var.name}.private.postgres.database.azure.com"
  resource_group_name = azurerm_resource_group.orthanc.name
}

resource "azurerm_private_dns_zone_virtual_network_link" "blob" {
  name                = "orthanc-blob"
  private_dns_zone_id = azurerm_private_dns_zone.blob.id
  virtual_network_id  = azurerm_virtual_network.orthanc.id
}

resource "azurerm_private_dns_zone_virtual_network_link" "database" {
  name                = "orthanc-database"
  private_dns_zone_id = azurerm_private_dns_zone.database.id
  virtual_network_id  = azurerm_virtual_network.orthanc.id
}
