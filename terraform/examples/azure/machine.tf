# The machines. They hold nothing that matters: index and files are elsewhere, and the script makes a new one in minutes.

resource "azurerm_network_interface" "orthanc" {
  count               = var.machines
  name                = "orthanc-${count.index + 1}"
  resource_group_name = azurerm_resource_group.orthanc.name
  location            = azurerm_resource_group.orthanc.location

  ip_configuration {
    name                          = "internal"
    subnet_id                     = azurerm_subnet.machines.id
    private_ip_address_allocation = "Dynamic"
  }
}

resource "azurerm_linux_virtual_machine" "orthanc" {
  count                           = var.machines
  name                            = "orthanc-${count.index + 1}"
  resource_group_name             = azurerm_resource_group.orthanc.name
  location                        = azurerm_resource_group.orthanc.location
  zone                            = tostring(count.index % 3 + 1)
  size                            = var.machine_size
  network_interface_ids           = [azurerm_network_interface.orthanc[count.index].id]
  admin_username                  = "operator"
  disable_password_authentication = true
  allow_extension_operations      = false
  secure_boot_enabled             = true
  vtpm_enabled                    = true

  admin_ssh_key {
    username   = "operator"
    public_key = var.ssh_public_key
  }

  identity {
    type         = "UserAssigned"
    identity_ids = [module.archive.identity.id]
  }

  os_disk {
    caching              = "ReadWrite"
    storage_account_type = "Premium_LRS"
    disk_size_gb         = 30
  }

  source_image_reference {
    publisher = "Debian"
    offer     = "debian-12"
    sku       = "12-gen2"
    version   = "latest"
  }

  # Cloud-init runs it once.
  custom_data = base64encode(templatefile("${path.module}/../start.sh.tftpl", {
    package  = var.plugin_package
    packages = ""
    password = templatefile("${path.module}/password.sh.tftpl", {
      client_id = module.archive.identity.client_id
      vault     = trimsuffix(azurerm_key_vault.passwords.vault_uri, "/")
    })
    storage = module.archive.storage_plugins_json
    database = {
      Host     = azurerm_postgresql_flexible_server.index.fqdn
      Database = azurerm_postgresql_flexible_server_database.index.name
      Username = azurerm_postgresql_flexible_server.index.administrator_login
    }
    passwords = { for name in local.secrets : name => azurerm_key_vault_secret.password[name].name }
  }))

  depends_on = [
    azurerm_nat_gateway_public_ip_association.out,
    azurerm_network_security_rule.clients,
    azurerm_network_security_rule.nobody_else,
    azurerm_postgresql_flexible_server_configuration.extensions,
    azurerm_private_dns_zone_virtual_network_link.blob,
    azurerm_role_assignment.machines,
    azurerm_subnet_nat_gateway_association.machines,
    azurerm_subnet_network_security_group_association.machines,
  ]
}
