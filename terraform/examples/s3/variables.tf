variable "region" {
  description = "Region of everything."
  type        = string
  default     = "eu-central-1"
}

variable "zones" {
  description = "Letters of two zones of the region."
  type        = list(string)
  default     = ["a", "b"]

  validation {
    condition     = length(distinct(var.zones)) == 2 && length(var.zones) == 2
    error_message = "zones: two letters, such as [\"a\", \"b\"]."
  }
}

variable "bucket" {
  description = "Name of the archive's bucket, unique in all of Amazon S3."
  type        = string
}

variable "machines" {
  description = "How many Orthancs share the index and the archive."
  type        = number
  default     = 1

  validation {
    condition     = var.machines >= 1 && var.machines <= 8 && floor(var.machines) == var.machines
    error_message = "machines: a whole number from 1 to 8."
  }
}

variable "machine_type" {
  description = "Type of the machines, x86-64."
  type        = string
  default     = "m7i.large"
}

variable "database_type" {
  description = "Type of the database's machine."
  type        = string
  default     = "db.m7g.large"
}

variable "client_ranges" {
  description = "Networks of the hospital, behind a VPN or Direct Connect, that reach Orthanc's HTTP and DICOM ports."
  type        = set(string)

  validation {
    condition     = alltrue([for range in var.client_ranges : can(cidrhost(range, 0)) && !endswith(range, "/0")])
    error_message = "client_ranges: networks such as 10.20.0.0/16, and not the whole world: neither port is encrypted."
  }
}

variable "plugin_package" {
  description = "The plugin, as pip takes it: a name with its extra, or an https URL of a wheel."
  type        = string
  default     = "orthanc-storage-plugins[s3]"

  validation {
    condition     = can(regex("^[A-Za-z0-9._:/@=<>,~\\[\\]+-]+$", var.plugin_package))
    error_message = "plugin_package: a requirement or URL, without quotes and spaces."
  }
}

variable "database_password" {
  description = "Password of Orthanc in PostgreSQL. It goes into Secrets Manager and not into Terraform's state."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.database_password) >= 16 && can(regex("^[!-~]+$", var.database_password)) && !can(regex("[/@\" ]", var.database_password))
    error_message = "database_password: 16 characters or more of ASCII, without '/', '@', '\"' and spaces, which RDS refuses."
  }
}

variable "orthanc_password" {
  description = "Password of the user orthanc of Orthanc's REST API. It goes into Secrets Manager and not into Terraform's state."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.orthanc_password) >= 16
    error_message = "orthanc_password: 16 characters or more."
  }
}

variable "secrets_version" {
  description = "A higher number takes up new passwords: Terraform does not know the old ones."
  type        = number
  default     = 1
}
