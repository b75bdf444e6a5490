# What becomes of blobs by their age. Parts of an upload that never ended go by themselves after a week.

locals {
  tiers     = length([for days in values(var.transitions) : days if days != null]) > 0
  versioned = var.version_days > 0
}

resource "azurerm_storage_management_policy" "archive" {
  count              = local.own_account && (local.tiers || local.versioned) ? 1 : 0
  storage_account_id = azurerm_storage_account.archive[0].id

  dynamic "rule" {
    for_each = local.tiers ? [var.transitions] : []
    content {
      name    = "cooler-tiers"
      enabled = true
      filters {
        blob_types   = ["blockBlob"]
        prefix_match = ["${var.container_name}/"]
      }
      actions {
        base_blob {
          tier_to_cool_after_days_since_modification_greater_than    = rule.value.cool
          tier_to_cold_after_days_since_modification_greater_than    = rule.value.cold
          tier_to_archive_after_days_since_modification_greater_than = rule.value.archive
        }
      }
    }
  }

  # A deleted study must truly go: what versions keep of it ends here.
  dynamic "rule" {
    for_each = local.versioned ? [var.version_days] : []
    content {
      name    = "old-versions"
      enabled = true
      filters {
        blob_types   = ["blockBlob"]
        prefix_match = ["${var.container_name}/"]
      }
      actions {
        version {
          delete_after_days_since_creation = rule.value
        }
      }
    }
  }
}
