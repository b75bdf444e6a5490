variable "project" {
  type        = string
  description = "Id of an empty project with billing."
  nullable    = false
}

variable "region" {
  type        = string
  description = "Region of everything."
  default     = "europe-west3"
  nullable    = false
}

variable "bucket" {
  type        = string
  description = "Name of the archive's bucket."
  nullable    = false
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

variable "machine_type" {
  type        = string
  description = "Type of the virtual machines."
  default     = "e2-standard-4"
  nullable    = false
}

variable "database_tier" {
  type        = string
  description = "Size of PostgreSQL."
  default     = "db-custom-2-7680"
  nullable    = false
}

variable "client_ranges" {
  type        = set(string)
  description = "Networks of the hospital, behind a VPN or interconnect, that reach Orthanc's HTTP and DICOM ports."
  nullable    = false
  validation {
    condition     = alltrue([for range in var.client_ranges : can(cidrhost(range, 0)) && !endswith(range, "/0")])
    error_message = "client_ranges must be networks such as 10.20.0.0/16, and not the whole world: neither port is encrypted."
  }
}

variable "plugin_package" {
  type        = string
  description = "The plugin, as pip takes it: a name with its extra, or an https URL of a wheel."
  default     = "orthanc-storage-plugins[gcs]"
  nullable    = false
}

variable "database_password" {
  type        = string
  description = "Password of Orthanc in PostgreSQL. It goes into Secret Manager and not into Terraform's state."
  sensitive   = true
  nullable    = false
  validation {
    condition     = length(var.database_password) >= 16
    error_message = "database_password must have at least 16 characters."
  }
}

variable "orthanc_password" {
  type        = string
  description = "Password of the user orthanc of Orthanc's REST API. It goes into Secret Manager and not into Terraform's state."
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
