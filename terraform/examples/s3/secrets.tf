# The passwords. The machines read them when they start; Terraform's state does not hold them.

locals {
  secrets = toset(["database", "orthanc"])
}

resource "aws_secretsmanager_secret" "password" {
  # checkov:skip=CKV2_AWS_57:Orthanc takes a new password when it starts; secrets_version brings one
  for_each    = local.secrets
  name_prefix = "orthanc-password-${each.value}-"
  description = "Password for ${each.value}"
  kms_key_id  = module.archive.kms_key_arn
}

resource "aws_secretsmanager_secret_version" "password" {
  for_each                 = local.secrets
  secret_id                = aws_secretsmanager_secret.password[each.value].id
  secret_string_wo         = each.value == "database" ? var.database_password : var.orthanc_password
  secret_string_wo_version = var.secrets_version
}

resource "aws_iam_role_policy" "passwords" {
  name = "passwords"
  role = module.archive.role_name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = [for name in local.secrets : aws_secretsmanager_secret.password[name].arn]
      },
      {
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = module.archive.kms_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.region}.amazonaws.com" } }
      },
    ]
  })
}
