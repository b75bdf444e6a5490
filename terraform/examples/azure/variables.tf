variable "subscription_id" {
  type        = string
  description = "Id of the subscription."
  nullable    = false
}

variable "location" {
  type        = string
  description = "Region of everything, with availability zones."
  default     = "westeurope"
  nullable    = false
}

variable "name" {
  type        = string
  description = "Start of the names that must be the only ones in the world: of the storage account, the key vaults and the database."
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9]{2,14}$", var.name))
    error_message = "name must have 3 to 15 small letters and digits, and start with a letter."
  }
}

variable "machines" {
  type        = number
  description = "How many Orthancs share the index and the archive."
  default     = 1
  nullable    = false
  validation {
    condition     = var.machines >= 1 && var.machines <= 8 && floor(var.machines) == var.machines
    error_message = "machines must be a whole number from 1 to 8."
  }
}

variable "machine_size" {
  type        = string
  description = "Size of the virtual machines."
  default     = "Standard_D4as_v5"
  nullable    = false
}

variable "database_sku" {
  type        = string
  description = "Size of PostgreSQL."
  default     = "GP_Standard_D2ds_v5"
  nullable    = false
}

variable "operator_ip" {
  type        = string
  description = "Public address of whoever runs Terraform: keys and secrets are made from there."
  nullable    = false
  validation {
    condition     = can(cidrhost("${var.operator_ip}/32", 0))
    error_message = "operator_ip must be one address, such as 198.51.100.7."
  }
}

variable "client_ranges" {
  type        = set(string)
  description = "Networks of the hospital, behind a VPN or ExpressRoute, that reach Orthanc's HTTP and DICOM ports."
  nullable    = false
  validation {
    condition     = alltrue([for range in var.client_ranges : can(cidrhost(range, 0)) && !endswith(range, "/0")])
    error_message = "client_ranges must be networks such as 10.20.0.0/16, and not the whole world: neither port is encrypted."
  }
}

variable "ssh_public_key" {
  type        = string
  description = "Public key of the administrator. SSH is reached from inside the network only."
  nullable    = false
}

variable "plugin_package" {
  type        = string
  description = "The plugin, as pip takes it: a name with its extra, or an https URL of a wheel."
  default     = "orthanc-storage-plugins[azure]"
  nullable    = false
}

variable "database_password" {
  type        = string
  description = "Password of Orthanc in PostgreSQL. It goes into a key vault and not into Terraform's state."
  sensitive   = true
  nullable    = false
  validation {
    condition     = length(var.database_password) >= 16
    error_message = "database_password must have at least 16 characters."
  }
}

variable "orthanc_password" {
  type        = string
  description = "Password of the user orthanc of Orthanc's REST API. It goes into a key vault and not into Terraform's state."
  sensitive   = true
  nullable    = false
  validation {
    condition     = length(var.orthanc_password) >= 16
    error_message = "orthanc_password must have at least 16 characters."
  }
}

variable "secrets_version" {
  type        = number
  description = "A higher number takes up new passwords: Terraform does not know the old ones."
  default     = 1
  nullable    = false
}
