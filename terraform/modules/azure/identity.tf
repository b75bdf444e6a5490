# Who Orthanc is, and what that identity may do: exactly the plugin's actions, on this container.

locals {
  own_identity = var.identity == null
  principal_id = local.own_identity ? azurerm_user_assigned_identity.orthanc[0].principal_id : var.identity.principal_id
  client_id    = local.own_identity ? azurerm_user_assigned_identity.orthanc[0].client_id : var.identity.client_id

  # A condition ends in a comparison. This one is never true, as the container has no other name than its own.
  no_list = <<-EOT
    (
     (
      !(ActionMatches{'${local.blobs}/read'} AND SubOperationMatches{'Blob.List'})
     )
     OR
     (
      @Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringNotEquals '${var.container_name}'
     )
    )
  EOT
}

resource "azurerm_user_assigned_identity" "orthanc" {
  count               = local.own_identity ? 1 : 0
  name                = "orthanc-${local.account.name}-${var.container_name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_federated_identity_credential" "kubernetes" {
  count                     = var.kubernetes == null ? 0 : 1
  name                      = "${var.kubernetes.namespace}-${var.kubernetes.service_account}"
  user_assigned_identity_id = azurerm_user_assigned_identity.orthanc[0].id
  audience                  = ["api://AzureADTokenExchange"]
  issuer                    = var.kubernetes.issuer_url
  subject                   = "system:serviceaccount:${var.kubernetes.namespace}:${var.kubernetes.service_account}"
}

resource "azurerm_role_definition" "storage" {
  name              = "Orthanc storage ${local.account.name} ${var.container_name}"
  scope             = split("/providers/", local.account.id)[0]
  description       = "What the plugin does, and nothing else."
  assignable_scopes = [split("/providers/", local.account.id)[0]]

  permissions {
    actions          = [for action in local.granted : action if !startswith(action, "${local.blobs}/")]
    not_actions      = []
    data_actions     = [for action in local.granted : action if startswith(action, "${local.blobs}/")]
    not_data_actions = []
  }
}

resource "azurerm_role_assignment" "orthanc" {
  scope              = azurerm_storage_container.archive.id
  role_definition_id = azurerm_role_definition.storage.role_definition_resource_id
  principal_id       = local.principal_id
  principal_type     = "ServicePrincipal"
  description        = "Orthanc's storage plugin."
  condition          = var.allow_list ? null : local.no_list
  condition_version  = var.allow_list ? null : "2.0"
}
