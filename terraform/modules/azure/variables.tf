variable "resource_group_name" {
  type        = string
  description = "Resource group for everything that is created here."
  nullable    = false
}

variable "location" {
  type        = string
  description = "Region, for instance westeurope."
  nullable    = false
  validation {
    condition     = can(regex("^[a-z0-9]+$", var.location))
    error_message = "location must be the short name of a region: small letters and digits, such as westeurope."
  }
}

variable "storage_account_name" {
  type        = string
  description = "Name of the storage account that is created. Names are public and shared with everybody."
  default     = null
  validation {
    condition     = var.storage_account_name == null || can(regex("^[a-z0-9]{3,24}$", var.storage_account_name))
    error_message = "storage_account_name must have 3 to 24 small letters and digits."
  }
  validation {
    condition     = (var.storage_account_name == null) != (var.storage_account_id == null)
    error_message = "Give either storage_account_name, to create an account, or storage_account_id, to use one that is there."
  }
}

variable "storage_account_id" {
  type        = string
  description = "Resource id of an account that is there. Then only the container, the role and the logs are made; the account must already be private, and its owner sees to its key, versions and lifecycle."
  default     = null
  validation {
    condition     = var.storage_account_id == null || can(regex("^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.Storage/storageAccounts/[a-z0-9]{3,24}$", var.storage_account_id))
    error_message = "storage_account_id must be the whole resource id: /subscriptions/./resourceGroups/./providers/Microsoft.Storage/storageAccounts/NAME."
  }
}

variable "container_name" {
  type        = string
  description = "Name of the container."
  default     = "archive"
  nullable    = false
  validation {
    condition     = length(var.container_name) >= 3 && length(var.container_name) <= 63 && can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", var.container_name))
    error_message = "container_name must have 3 to 63 small letters, digits and single dashes."
  }
}

variable "prefix" {
  type        = string
  description = "Prefix of all keys, without a slash at its ends. Empty: none. To keep archives apart give each a container: the role is for the whole container."
  default     = ""
  nullable    = false
  validation {
    condition     = var.prefix == "" || can(regex("^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$", var.prefix))
    error_message = "prefix must be names of letters, digits, dots, dashes and underscores, with single slashes between them and none at the ends."
  }
}

variable "tags" {
  type        = map(string)
  description = "Tags of all resources."
  default     = {}
  nullable    = false
}

variable "account_replication_type" {
  type        = string
  description = "Copies of the data: LRS (one building), ZRS (three), GRS and GZRS (a second region too), RAGRS and RAGZRS (which can be read)."
  default     = "ZRS"
  nullable    = false
  validation {
    condition     = contains(["LRS", "ZRS", "GRS", "GZRS", "RAGRS", "RAGZRS"], var.account_replication_type)
    error_message = "account_replication_type must be LRS, ZRS, GRS, GZRS, RAGRS or RAGZRS."
  }
}

variable "access_tier" {
  type        = string
  description = "Tier of new blobs. Reads from Cool and Cold cost more, and each has a minimum duration."
  default     = "Hot"
  nullable    = false
  validation {
    condition     = contains(["Hot", "Cool", "Cold"], var.access_tier)
    error_message = "access_tier must be Hot, Cool or Cold: what is in Archive cannot be read."
  }
}

variable "allowed_ip_rules" {
  type        = set(string)
  description = "Public addresses or ranges that reach the account: those of an Orthanc outside Azure."
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for rule in var.allowed_ip_rules : can(cidrhost(strcontains(rule, "/") ? rule : "${rule}/32", 0)) && !can(regex("/(0|31|32)$", rule))])
    error_message = "allowed_ip_rules must be addresses (198.51.100.7) or ranges up to /30 (198.51.100.0/24), and not the whole world."
  }
}

variable "operator_ip_rules" {
  type        = set(string)
  description = "Public addresses or ranges of whoever runs Terraform: they reach the key vault, to make the key."
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for rule in var.operator_ip_rules : can(cidrhost(strcontains(rule, "/") ? rule : "${rule}/32", 0)) && !endswith(rule, "/0")])
    error_message = "operator_ip_rules must be addresses (198.51.100.7) or ranges (198.51.100.0/24), and not the whole world."
  }
  validation {
    condition     = var.storage_account_id != null || var.key != null || length(var.operator_ip_rules) > 0
    error_message = "The key vault would refuse Terraform: give operator_ip_rules, or a key that is there."
  }
}

variable "allowed_subnet_ids" {
  type        = set(string)
  description = "Subnets with the service endpoint Microsoft.Storage that reach the account."
  default     = []
  nullable    = false
}

variable "private_endpoint" {
  type = object({
    subnet_id            = string
    private_dns_zone_ids = optional(list(string), [])
  })
  description = "Subnet in which the account gets an address of its own, and the DNS zones privatelink.blob.core.windows.net that name it."
  default     = null
  validation {
    condition     = var.storage_account_id != null || var.private_endpoint != null || length(var.allowed_ip_rules) > 0 || length(var.allowed_subnet_ids) > 0
    error_message = "Nobody would reach the account: give private_endpoint, allowed_subnet_ids or allowed_ip_rules."
  }
}

variable "shared_keys" {
  type        = bool
  description = "Whether the keys of the account work. The plugin needs none; leave it off unless something else does."
  default     = false
  nullable    = false
}

variable "key" {
  type = object({
    id    = string
    scope = string
  })
  description = "Key for encryption at rest: its id without a version, so that new versions are taken up by themselves, and the resource id of the key or vault, for the role of the account. The vault must have purge protection. Null: a vault and a key are created."
  default     = null
  validation {
    condition     = var.key == null || (can(regex("^https://[^/]+/keys/[^/]+$", try(var.key.id, ""))) && startswith(try(var.key.scope, ""), "/subscriptions/"))
    error_message = "key needs an id like https://VAULT.vault.azure.net/keys/NAME, without a version, and a scope that is a resource id."
  }
}

variable "key_vault_name" {
  type        = string
  description = "Name of the key vault that is created. Null: made of the account's name."
  default     = null
  validation {
    condition     = var.key_vault_name == null || can(regex("^[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]$", var.key_vault_name))
    error_message = "key_vault_name must have 3 to 24 letters, digits and dashes, and start with a letter."
  }
}

variable "key_rotation_days" {
  type        = number
  description = "Days after which the created key gets a new version."
  default     = 365
  nullable    = false
  validation {
    condition     = var.key_rotation_days >= 28 && var.key_rotation_days <= 730 && floor(var.key_rotation_days) == var.key_rotation_days
    error_message = "key_rotation_days must be a whole number from 28 to 730."
  }
}

variable "infrastructure_encryption" {
  type        = bool
  description = "Whether data is encrypted a second time, with a key of Microsoft's. It cannot be changed later."
  default     = true
  nullable    = false
}

variable "soft_delete_days" {
  type        = number
  description = "Days for which a deleted blob or container can be brought back, and is still there and paid for. 0: deleted is deleted."
  default     = 7
  nullable    = false
  validation {
    condition     = var.soft_delete_days >= 0 && var.soft_delete_days <= 90 && floor(var.soft_delete_days) == var.soft_delete_days
    error_message = "soft_delete_days must be a whole number from 0 to 90: a deleted study must go in the end."
  }
}

variable "version_days" {
  type        = number
  description = "Age in days at which older versions of a blob are deleted; soft_delete_days follow. Azure counts from when the version was written, not from when it was replaced. 0: no versions."
  default     = 0
  nullable    = false
  validation {
    condition     = var.version_days >= 0 && var.version_days <= 365 && floor(var.version_days) == var.version_days
    error_message = "version_days must be a whole number from 0 to 365: a deleted study must go in the end."
  }
}

variable "transitions" {
  type = object({
    cool    = optional(number)
    cold    = optional(number)
    archive = optional(number)
  })
  description = "Cooler tiers by age: days since the blob was written, for instance { cool = 90 }. None by default."
  default     = {}
  nullable    = false
  validation {
    condition     = alltrue([for days in values(var.transitions) : days == null ? true : days >= 1 && days <= 36500 && floor(days) == days])
    error_message = "transitions must be whole numbers of days from 1 to 36500."
  }
  validation {
    condition     = var.transitions.archive == null || var.rehydration_understood
    error_message = "transitions.archive: Orthanc cannot read what is in Archive before somebody has rehydrated it, which takes hours. Set rehydration_understood if that is wanted."
  }
  validation {
    condition     = var.transitions.archive == null || contains(["LRS", "GRS", "RAGRS"], var.account_replication_type)
    error_message = "transitions.archive: Azure has the tier Archive only with account_replication_type LRS, GRS or RAGRS."
  }
}

variable "rehydration_understood" {
  type        = bool
  description = "Says that studies in the tier Archive fail to open until somebody has rehydrated each of their blobs."
  default     = false
  nullable    = false
}

variable "immutability" {
  type = object({
    days   = number
    locked = optional(bool, false)
  })
  description = "Days for which a blob can neither be replaced nor deleted, by anybody; locked can never be made shorter again. What Orthanc deletes earlier stays in the container, and nobody removes it later."
  default     = null
  validation {
    condition     = var.immutability == null || (try(var.immutability.days, 0) >= 1 && try(var.immutability.days, 0) <= 146000)
    error_message = "immutability.days must be from 1 to 146000."
  }
}

variable "object_replication" {
  type = object({
    storage_account_id = string
    container_name     = string
  })
  description = "Account and container, in another region, to which new blobs are copied: another one of this module, with version_days."
  default     = null
  validation {
    condition     = var.object_replication == null || var.version_days > 0
    error_message = "object_replication needs version_days, here and in the other account: Azure copies versions."
  }
  validation {
    condition     = var.object_replication == null || var.immutability == null
    error_message = "object_replication and immutability do not go together."
  }
}

variable "logging" {
  type = object({
    workspace_id = optional(string)
    days         = optional(number, 90)
    reads        = optional(bool, true)
  })
  description = "Logs of all requests: workspace of Log Analytics (null: one is created, which keeps them for `days`), and whether reads are among them. Null: no logs."
  default     = {}
  validation {
    condition     = var.logging == null || (try(var.logging.days, 0) >= 30 && try(var.logging.days, 0) <= 730)
    error_message = "logging.days must be from 30 to 730."
  }
}

variable "identity" {
  type = object({
    principal_id = string
    client_id    = optional(string)
  })
  description = "Identity that Orthanc already has: its object id, and the client id if it is one of several of a machine. Null: a user-assigned managed identity is created."
  default     = null
  validation {
    condition     = var.identity == null || can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", try(var.identity.principal_id, "")))
    error_message = "identity.principal_id must be an object id: 00000000-0000-0000-0000-000000000000."
  }
}

variable "kubernetes" {
  type = object({
    issuer_url      = string
    namespace       = string
    service_account = string
  })
  description = "Service account of Kubernetes that acts as the created identity (AKS workload identity): issuer of the cluster's tokens, namespace, name."
  default     = null
  validation {
    condition     = var.kubernetes == null || (startswith(try(var.kubernetes.issuer_url, ""), "https://") && alltrue([for name in [try(var.kubernetes.namespace, ""), try(var.kubernetes.service_account, "")] : can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", name))]))
    error_message = "kubernetes needs an issuer_url with https, and one namespace and one service_account, without wildcards."
  }
  validation {
    condition     = var.kubernetes == null || var.identity == null
    error_message = "kubernetes is for the identity that is created here: leave identity out."
  }
}

variable "allow_list" {
  type        = bool
  description = "Whether Orthanc's identity may list blobs. The plugin does not; `orthanc-storage check` and `ls` do."
  default     = false
  nullable    = false
}

variable "allow_tags" {
  type        = bool
  description = "Whether Orthanc's identity may write index tags, for the option Tags."
  default     = false
  nullable    = false
}
