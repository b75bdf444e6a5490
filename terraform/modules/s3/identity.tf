# Who Orthanc is, and what it may do: exactly what the plugin asks of S3 and KMS.

locals {
  # From the names and not from the resources, so that policies can be read in a plan.
  bucket_arns = {
    for role, suffix in { archive = "", replica = "-replica", logs = "-access-log" } :
    role => "arn:${local.partition}:s3:::${var.bucket}${suffix}"
  }

  # What the plugin does: what it needs for it. `tests` compare it with the requests of the test-suite.
  actions = {
    put        = ["s3:AbortMultipartUpload", "s3:PutObject"]
    read       = ["s3:GetObject"]
    read_range = ["s3:GetObject"]
    delete     = ["s3:DeleteObject"]
    list       = ["s3:ListBucket"]
    tags       = ["s3:PutObjectTagging"]
    kms        = ["kms:Decrypt", "kms:GenerateDataKey"]
  }

  root = var.prefix == "" ? "" : "${var.prefix}/"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid    = "Objects"
          Effect = "Allow"
          Action = sort(distinct(concat(
            local.actions.put, local.actions.read, local.actions.read_range, local.actions.delete,
            length(var.object_tags) > 0 ? local.actions.tags : [],
          )))
          Resource = ["${local.bucket_arns.archive}/${local.root}*"]
        },
        {
          Sid       = "Key"
          Effect    = "Allow"
          Action    = local.actions.kms
          Resource  = [local.key_arns.archive]
          Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.${local.dns_suffix}" } }
        },
      ],
      [
        for allowed in [var.allow_list] : merge(
          {
            Sid      = "List"
            Effect   = "Allow"
            Action   = local.actions.list
            Resource = [local.bucket_arns.archive]
          },
          local.root == "" ? {} : { Condition = { StringLike = { "s3:prefix" = ["${local.root}*"] } } },
        ) if allowed
      ],
    )
  })

  has_role = var.runs_on != "policy_only"
}

resource "aws_iam_policy" "orthanc" {
  name        = var.name
  description = "What Orthanc's storage plugin does in the bucket ${var.bucket}"
  policy      = local.policy
  tags        = var.tags
}
