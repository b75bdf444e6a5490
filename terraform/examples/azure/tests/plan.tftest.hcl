mock_provider "azurerm" {
  override_during = plan
  mock_resource "azurerm_user_assigned_identity" {
    defaults = { client_id = "00000000-0000-0000-0000-00000000000c" }
  }
  mock_resource "azurerm_key_vault" {
    defaults = { vault_uri = "https://hospital-orthanc.vault.azure.net/" }
  }
  mock_resource "azurerm_postgresql_flexible_server" {
    defaults = { fqdn = "hospital-orthanc-index.postgres.database.azure.com" }
  }
  mock_resource "azurerm_storage_account" {
    defaults = {
      id                    = "/subscriptions/s/resourceGroups/hospital-orthanc/providers/Microsoft.Storage/storageAccounts/hospitalarchive"
      primary_blob_endpoint = "https://hospitalarchive.blob.core.windows.net/"
    }
  }
}

variables {
  subscription_id   = "00000000-0000-0000-0000-000000000000"
  name              = "hospital"
  operator_ip       = "198.51.100.7"
  client_ranges     = ["10.20.0.0/16"]
  ssh_public_key    = "ssh-ed25519 AAAA operator"
  database_password = "correct-horse-battery"
  orthanc_password  = "staple-correct-horse"
}

run "two_machines" {
  command = plan
  variables {
    machines = 2
  }
  assert {
    condition     = azurerm_linux_virtual_machine.orthanc[*].zone == ["1", "2"]
    error_message = "Two machines are not in two zones."
  }
  assert {
    condition     = alltrue([for interface in azurerm_network_interface.orthanc : interface.ip_configuration[0].public_ip_address_id == null])
    error_message = "A machine has a public address."
  }
  assert {
    condition     = !azurerm_postgresql_flexible_server.index.public_network_access_enabled
    error_message = "The database is public."
  }
  assert {
    condition     = alltrue([for machine in azurerm_linux_virtual_machine.orthanc : !strcontains(base64decode(machine.custom_data), "correct-horse")])
    error_message = "A password is in the data of a machine."
  }
}

run "the_whole_world" {
  command = plan
  variables {
    client_ranges = ["0.0.0.0/0"]
  }
  expect_failures = [var.client_ranges]
}

run "short_password" {
  command = plan
  variables {
    database_password = "short"
  }
  expect_failures = [var.database_password]
}
