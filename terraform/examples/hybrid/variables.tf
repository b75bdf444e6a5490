variable "region" {
  description = "Region of everything: the nearest one."
  type        = string
  default     = "eu-central-1"
}

variable "replica_region" {
  description = "Region of a copy of the archive. Null: none."
  type        = string
  default     = null
}

variable "bucket" {
  description = "Name of the archive's bucket, unique in all of Amazon S3."
  type        = string
}

variable "authority_certificate" {
  description = "Certificate (PEM) of the hospital's authority, which issues the certificate of Orthanc's machine."
  type        = string

  validation {
    condition     = startswith(trimspace(var.authority_certificate), "-----BEGIN CERTIFICATE-----") && !strcontains(var.authority_certificate, "PRIVATE KEY")
    error_message = "authority_certificate: a certificate in PEM, for instance file(\"hospital-ca.pem\"). A private key has no place here."
  }
}

variable "common_name" {
  description = "Common name (CN) in the certificate of Orthanc's machine. No other certificate of the authority is let in."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9. _-]+$", var.common_name))
    error_message = "common_name: letters, digits, dots, dashes, underscores and spaces."
  }
}

variable "cache_gb" {
  description = "Size of the cache on Orthanc's machine in GB: what is read again within days."
  type        = number
  default     = 500
}

variable "pending_gb" {
  description = "Room on Orthanc's machine for what waits to be uploaded, in GB: what the modalities send during the longest outage of the line."
  type        = number
  default     = 200
}
