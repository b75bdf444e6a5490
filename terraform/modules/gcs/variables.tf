variable "project" {
  type        = string
  description = "Id of the project for everything that is created here."
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be the id of a project (6 to 30 small letters, digits and dashes), not its name or number."
  }
}

variable "bucket" {
  type        = string
  description = "Name of the bucket. Names are public and shared with everybody: put no hospital's or patient's name in it that must not be known."
  nullable    = false
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]$", var.bucket)) && !startswith(var.bucket, "goog")
    error_message = "bucket must have 3 to 63 small letters, digits, dashes and underscores, start and end with a letter or digit, and not start with goog."
  }
}

variable "location" {
  type        = string
  description = "Region (europe-west3), predefined dual region (EUR4) or multi-region (EU) of the bucket. It cannot be changed later."
  nullable    = false
  validation {
    condition     = can(regex("^([A-Za-z]+-[A-Za-z]+[0-9]+|[A-Za-z]+[0-9]?)$", var.location))
    error_message = "location must be a region (europe-west3), a dual region (EUR4) or a multi-region (EU)."
  }
}

variable "data_locations" {
  type        = set(string)
  description = "The two regions of a dual region of one's own. `location` is then the multi-region that holds both."
  default     = []
  nullable    = false
  validation {
    condition     = length(var.data_locations) == 0 || (length(var.data_locations) == 2 && contains(["ASIA", "EU", "US"], upper(var.location)))
    error_message = "data_locations must be two regions, and location the multi-region that holds both: ASIA, EU or US."
  }
}

variable "turbo_replication" {
  type        = bool
  description = "Whether new objects are in both regions of a dual region within 15 minutes. Costs more."
  default     = false
  nullable    = false
  validation {
    condition     = !var.turbo_replication || length(var.data_locations) == 2 || contains(["ASIA1", "EUR4", "EUR5", "EUR7", "EUR8", "NAM4"], upper(var.location))
    error_message = "turbo_replication needs a dual region: give data_locations, or a location such as EUR4 or NAM4."
  }
}

variable "prefix" {
  type        = string
  description = "Prefix of all keys, without a slash at its ends. Empty: none."
  default     = ""
  nullable    = false
  validation {
    condition     = var.prefix == "" || can(regex("^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$", var.prefix))
    error_message = "prefix must be names of letters, digits, dots, dashes and underscores, with single slashes between them and none at the ends."
  }
}

variable "labels" {
  type        = map(string)
  description = "Labels of the bucket and the key."
  default     = {}
  nullable    = false
}

variable "storage_class" {
  type        = string
  description = "Class of new objects. All classes can be read at once; all but STANDARD cost for each read and have a minimum duration, see the README."
  default     = "STANDARD"
  nullable    = false
  validation {
    condition     = contains(["STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"], var.storage_class)
    error_message = "storage_class must be STANDARD, NEARLINE, COLDLINE or ARCHIVE."
  }
}

variable "transitions" {
  type        = map(number)
  description = "Cooler classes by age: class = days since the object was written, for instance { NEARLINE = 90 }. None by default: each read of such an object costs."
  default     = {}
  nullable    = false
  validation {
    condition     = alltrue([for class, days in var.transitions : contains(["NEARLINE", "COLDLINE", "ARCHIVE"], class) && days >= 1 && floor(days) == days])
    error_message = "transitions must name NEARLINE, COLDLINE or ARCHIVE, each with a whole number of days from 1."
  }
}

variable "kms_key" {
  type        = string
  description = "Key for encryption at rest, projects/./locations/./keyRings/./cryptoKeys/., in the location of the bucket. Null: a key ring and a key are created."
  default     = null
  validation {
    condition     = var.kms_key == null || can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "kms_key must look like projects/./locations/./keyRings/./cryptoKeys/., without a version."
  }
}

variable "key_rotation_days" {
  type        = number
  description = "Days after which the created key gets a new version. Older versions stay: they are needed to read."
  default     = 90
  nullable    = false
  validation {
    condition     = var.key_rotation_days >= 1 && var.key_rotation_days <= 365 && floor(var.key_rotation_days) == var.key_rotation_days
    error_message = "key_rotation_days must be a whole number from 1 to 365."
  }
}

variable "soft_delete_days" {
  type        = number
  description = "Days for which a deleted object can be brought back, and is still there and paid for. 0: deleted is deleted."
  default     = 7
  nullable    = false
  validation {
    condition     = var.soft_delete_days == 0 || (var.soft_delete_days >= 7 && var.soft_delete_days <= 90 && floor(var.soft_delete_days) == var.soft_delete_days)
    error_message = "soft_delete_days must be 0, or a whole number from 7 to 90: Google allows nothing between."
  }
}

variable "version_days" {
  type        = number
  description = "Days for which replaced and deleted objects stay as older versions, before soft_delete_days begin. 0: no versions."
  default     = 0
  nullable    = false
  validation {
    condition     = var.version_days >= 0 && var.version_days <= 365 && floor(var.version_days) == var.version_days
    error_message = "version_days must be a whole number from 0 to 365: a deleted study must go in the end."
  }
}

variable "abort_upload_days" {
  type        = number
  description = "Days after which the parts of an upload that never ended are removed."
  default     = 7
  nullable    = false
  validation {
    condition     = var.abort_upload_days >= 1 && var.abort_upload_days <= 30 && floor(var.abort_upload_days) == var.abort_upload_days
    error_message = "abort_upload_days must be a whole number from 1 to 30."
  }
}

variable "retention_days" {
  type        = number
  description = "Days for which an object can neither be replaced nor deleted, by anybody. What Orthanc deletes earlier stays in the bucket, and nobody removes it later. 0: none."
  default     = 0
  nullable    = false
  validation {
    condition     = var.retention_days >= 0 && var.retention_days <= 36500 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days must be a whole number from 0 to 36500."
  }
}

variable "retention_locked" {
  type        = bool
  description = "Whether retention_days can never be made shorter again, and the bucket not be deleted before. This cannot be undone."
  default     = false
  nullable    = false
  validation {
    condition     = !var.retention_locked || var.retention_days > 0
    error_message = "retention_locked needs retention_days."
  }
}

variable "audit_logs" {
  type        = bool
  description = "Whether reads and writes of objects are in Cloud Audit Logs. It sets this for all buckets of the project, in place of what was set for Cloud Storage before."
  default     = true
  nullable    = false
}

variable "log_bucket" {
  type        = string
  description = "Bucket for usage logs, which Google writes as CSV once an hour. Null: none."
  default     = null
}

variable "allow_list" {
  type        = bool
  description = "Whether Orthanc's identity may list objects. The plugin does not; `orthanc-storage check` and `ls` do, and HybridMode needs it, see the README."
  default     = false
  nullable    = false
}

variable "restrict_to_prefix" {
  type        = bool
  description = "Whether Orthanc's identity reaches only objects below `prefix`, for archives that share a bucket."
  default     = false
  nullable    = false
  validation {
    condition     = !var.restrict_to_prefix || var.prefix != ""
    error_message = "restrict_to_prefix needs a prefix."
  }
}

variable "service_account_id" {
  type        = string
  description = "Id of the service account that is created for Orthanc."
  default     = "orthanc-storage"
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.service_account_id))
    error_message = "service_account_id must have 6 to 30 small letters, digits and dashes, and start with a letter."
  }
}

variable "service_account_email" {
  type        = string
  description = "Service account that Orthanc already has. Null: one is created."
  default     = null
  validation {
    condition     = var.service_account_email == null || can(regex("^[a-z0-9-]+@[a-z0-9-]+\\.iam\\.gserviceaccount\\.com$", var.service_account_email))
    error_message = "service_account_email must look like NAME@PROJECT.iam.gserviceaccount.com."
  }
}

variable "gke" {
  type = object({
    namespace       = string
    service_account = string
    project         = optional(string)
  })
  description = "Kubernetes service account of Orthanc's pods that acts as the service account (GKE workload identity). `project`: that of the cluster, if it is another one."
  default     = null
  validation {
    condition     = var.gke == null || alltrue([for name in [try(var.gke.namespace, ""), try(var.gke.service_account, "")] : can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", name))])
    error_message = "gke must name one namespace and one service account of Kubernetes, without wildcards."
  }
}

variable "federation" {
  type = object({
    issuer_uri = string
    subject    = string
    token_file = string
    audiences  = optional(list(string), [])
  })
  description = "Identity outside Google that acts as the service account, without a key file: the issuer of its OIDC tokens, their subject, and the file in which Orthanc's machine finds the current one. For instance a hospital's own Kubernetes or identity provider."
  default     = null
  validation {
    condition     = var.federation == null || (startswith(try(var.federation.issuer_uri, ""), "https://") && can(regex("^[^*'\"\\\\]{1,127}$", try(var.federation.subject, ""))) && startswith(try(var.federation.token_file, ""), "/"))
    error_message = "federation needs an issuer_uri with https, one subject without wildcards or quotes (at most 127 characters), and an absolute token_file."
  }
}
