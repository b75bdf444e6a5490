variable "bucket" {
  description = "Name of the bucket. It is unique in all of Amazon S3. The other buckets of the module have names that start with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,47}[a-z0-9]$", var.bucket))
    error_message = "bucket: 3 to 49 small letters, digits and dashes, a letter or digit at both ends (no dots: they break TLS; 49 leaves room for the names of the other buckets)."
  }
}

variable "name" {
  description = "Name of the identity, its policy and its other parts."
  type        = string
  default     = "orthanc"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,40}$", var.name))
    error_message = "name: 1 to 40 letters, digits, dashes and underscores."
  }
}

variable "tags" {
  description = "Tags of all resources of the module. Those of the objects are object_tags."
  type        = map(string)
  default     = {}
}

# What the plugin is told

variable "prefix" {
  description = "Prefix of all objects (key Prefix of the section). Where it is given, the identity reaches nothing else in the bucket."
  type        = string
  default     = ""

  validation {
    condition     = var.prefix == "" || can(regex("^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$", var.prefix))
    error_message = "prefix: parts of letters, digits, '_', '.' and '-' with single slashes between them, and none at the ends. A '*' or '?' would be a wildcard in the policy."
  }
}

variable "object_tags" {
  description = "Tags of every object that the plugin writes. With any, the identity may also set tags."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(var.object_tags) <= 10
    error_message = "object_tags: S3 takes 10 tags for an object at most."
  }
}

variable "storage_class" {
  description = "Storage class of new objects. Null: STANDARD."
  type        = string
  default     = null

  validation {
    condition     = var.storage_class == null ? true : contains(["STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR"], var.storage_class)
    error_message = "storage_class: STANDARD, STANDARD_IA, INTELLIGENT_TIERING or GLACIER_IR. Orthanc cannot read what needs a restore first, and ONEZONE_IA does not outlive its data centre."
  }
}

# The bucket

variable "kms_key_arn" {
  description = "Key that the bucket encrypts with. Null: the module makes one, which AWS rotates each year. The policy of a given key must let the account's IAM policies decide."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null ? true : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "kms_key_arn: the ARN of a key, arn:aws:kms:REGION:ACCOUNT:key/ID. An alias cannot stand in a policy."
  }
}

variable "minimum_tls_version" {
  description = "Oldest version of TLS that the bucket takes: 1.2 or 1.3. Requests without TLS are always refused."
  type        = string
  default     = "1.2"

  validation {
    condition     = contains(["1.2", "1.3"], var.minimum_tls_version)
    error_message = "minimum_tls_version: \"1.2\" or \"1.3\"."
  }
}

variable "keep_deleted_days" {
  description = "Days that a deleted or replaced object can be had back as an older version; then it is gone for good. 0: it is gone at once."
  type        = number
  default     = 7

  validation {
    condition     = var.keep_deleted_days >= 0 && var.keep_deleted_days <= 365 && floor(var.keep_deleted_days) == var.keep_deleted_days
    error_message = "keep_deleted_days: a whole number from 0 to 365. A deleted study must truly go."
  }
}

variable "abort_uploads_days" {
  description = "Days after which the parts of an upload that nobody ended are removed."
  type        = number
  default     = 3

  validation {
    condition     = var.abort_uploads_days >= 1 && floor(var.abort_uploads_days) == var.abort_uploads_days
    error_message = "abort_uploads_days: a whole number, 1 or more."
  }
}

variable "transitions" {
  description = "Moves objects to a cooler storage class some days after they were written. Off by default."
  type = list(object({
    days          = number
    storage_class = string
  }))
  default = []

  validation {
    condition = alltrue([
      for step in var.transitions : contains(["STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"], step.storage_class)
    ])
    error_message = "transitions: storage_class is STANDARD_IA, INTELLIGENT_TIERING, GLACIER_IR, GLACIER or DEEP_ARCHIVE."
  }

  validation {
    condition     = alltrue([for step in var.transitions : step.storage_class != "STANDARD_IA" || step.days >= 30])
    error_message = "transitions: S3 moves nothing to STANDARD_IA before 30 days."
  }

  validation {
    condition = var.restores_understood || alltrue([
      for step in var.transitions : !contains(["GLACIER", "DEEP_ARCHIVE"], step.storage_class)
    ])
    error_message = "transitions: what is in GLACIER or DEEP_ARCHIVE cannot be read before somebody restores it, for minutes to days, and Orthanc answers with an error until then. GLACIER_IR is read at once. If this is what you want, set restores_understood."
  }
}

variable "restores_understood" {
  description = "Allows transitions to GLACIER and DEEP_ARCHIVE. Orthanc cannot read what is there, and neither restores nor waits: somebody restores each object by hand."
  type        = bool
  default     = false
}

variable "object_lock" {
  description = "Object Lock: no version of an object can be removed for some days after it was written, in mode COMPLIANCE by nobody at all, in mode GOVERNANCE by administrators with a permission of its own. What Orthanc deletes stays as an older version so long. It can be switched on for a new bucket only."
  type = object({
    mode = string
    days = number
  })
  default = null

  validation {
    condition     = var.object_lock == null ? true : contains(["GOVERNANCE", "COMPLIANCE"], var.object_lock.mode)
    error_message = "object_lock: mode is GOVERNANCE or COMPLIANCE."
  }

  validation {
    condition     = var.object_lock == null ? true : var.object_lock.days >= 1 && floor(var.object_lock.days) == var.object_lock.days
    error_message = "object_lock: days is a whole number, 1 or more."
  }

  validation {
    condition     = var.object_lock == null ? true : var.keep_deleted_days > 0
    error_message = "object_lock: needs versions of objects, so keep_deleted_days must be 1 or more."
  }
}

variable "access_logs" {
  description = "S3 writes a log line for each request to the archive: keys, addresses and identities, no content. By default to a bucket of the module, for retain_days; to a given bucket of the same region, which must let logging.s3.amazonaws.com write. Null: no log."
  type = object({
    bucket      = optional(string)
    prefix      = optional(string, "s3/")
    retain_days = optional(number, 90)
  })
  default = {}

  validation {
    condition     = var.access_logs == null ? true : var.access_logs.retain_days >= 1 && floor(var.access_logs.retain_days) == var.access_logs.retain_days
    error_message = "access_logs: retain_days is a whole number, 1 or more."
  }
}

variable "replication" {
  description = "Copies every object, and every delete, to a bucket of the module in a second region, with a key of that region (given, or of the module). Null: none."
  type = object({
    region      = string
    kms_key_arn = optional(string)
  })
  default = null

  validation {
    condition     = var.replication == null ? true : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.replication.region))
    error_message = "replication: region is the name of a region, such as eu-west-1."
  }

  validation {
    condition     = var.replication == null ? true : var.keep_deleted_days > 0
    error_message = "replication: needs versions of objects, so keep_deleted_days must be 1 or more."
  }
}

# Who Orthanc is

variable "runs_on" {
  description = "How Orthanc runs, and so how it gets its identity: ec2 (instance profile), ecs (role of the task), irsa (EKS, by the cluster's OIDC provider), pod_identity (EKS Pod Identity), roles_anywhere (a machine elsewhere, by its certificate), or policy_only: no role, attach the policy to one of yours."
  type        = string

  validation {
    condition     = contains(["ec2", "ecs", "irsa", "pod_identity", "roles_anywhere", "policy_only"], var.runs_on)
    error_message = "runs_on: ec2, ecs, irsa, pod_identity, roles_anywhere or policy_only."
  }
}

variable "kubernetes" {
  description = "For runs_on irsa and pod_identity: namespace and service account of Orthanc's pod; for irsa the ARN of the cluster's OIDC provider, for pod_identity the name of the cluster."
  type = object({
    namespace         = string
    service_account   = string
    oidc_provider_arn = optional(string)
    cluster           = optional(string)
  })
  default = null

  validation {
    condition     = contains(["irsa", "pod_identity"], var.runs_on) == (var.kubernetes != null)
    error_message = "kubernetes: belongs to runs_on irsa and pod_identity, which need it."
  }

  validation {
    condition     = var.runs_on != "irsa" ? true : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/.+$", var.kubernetes.oidc_provider_arn))
    error_message = "kubernetes: runs_on irsa needs oidc_provider_arn, arn:aws:iam::ACCOUNT:oidc-provider/HOST/id/ID."
  }

  validation {
    condition     = var.runs_on != "pod_identity" ? true : try(length(var.kubernetes.cluster) > 0, false)
    error_message = "kubernetes: runs_on pod_identity needs cluster, the name of the EKS cluster."
  }

  validation {
    condition = var.kubernetes == null ? true : alltrue([
      for name in [var.kubernetes.namespace, var.kubernetes.service_account] : can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", name))
    ])
    error_message = "kubernetes: namespace and service_account are names of Kubernetes. A '*' would let every pod in."
  }
}

variable "roles_anywhere" {
  description = "For runs_on roles_anywhere: the trust anchor, which knows the hospital's authority for certificates, and the common name (CN) in the certificate of Orthanc's machine."
  type = object({
    trust_anchor_arn = string
    common_name      = string
  })
  default = null

  validation {
    condition     = (var.runs_on == "roles_anywhere") == (var.roles_anywhere != null)
    error_message = "roles_anywhere: belongs to runs_on roles_anywhere, which needs it."
  }
}

variable "allow_list" {
  description = "Whether the identity may list objects. Orthanc never does. The command line needs it (orthanc-storage ls), and so does S3 to answer \"not found\" in place of \"access denied\" for an object that is not there: switch it on for ReadOnly, HybridMode and EnableLegacyUnknownFiles."
  type        = bool
  default     = false
}
