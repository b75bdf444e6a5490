# The role for the way Orthanc runs, and who may take it on.

locals {
  oidc_host = try(split(":oidc-provider/", var.kubernetes.oidc_provider_arn)[1], "")

  trusts = {
    ec2 = {
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = ["sts:AssumeRole"]
      Condition = {}
    }
    ecs = {
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = ["sts:AssumeRole"]
      Condition = {
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:ecs:${local.region}:${local.account}:*" }
        StringEquals = { "aws:SourceAccount" = local.account }
      }
    }
    irsa = {
      Principal = { Federated = try(var.kubernetes.oidc_provider_arn, "") }
      Action    = ["sts:AssumeRoleWithWebIdentity"]
      Condition = {
        StringEquals = {
          "${local.oidc_host}:aud" = "sts.amazonaws.com"
          "${local.oidc_host}:sub" = try("system:serviceaccount:${var.kubernetes.namespace}:${var.kubernetes.service_account}", "")
        }
      }
    }
    pod_identity = {
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = {
          "aws:RequestTag/kubernetes-namespace"       = try(var.kubernetes.namespace, "")
          "aws:RequestTag/kubernetes-service-account" = try(var.kubernetes.service_account, "")
          "aws:RequestTag/eks-cluster-name"           = try(var.kubernetes.cluster, "")
        }
      }
    }
    roles_anywhere = {
      Principal = { Service = "rolesanywhere.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
      Condition = {
        ArnEquals    = { "aws:SourceArn" = try(var.roles_anywhere.trust_anchor_arn, "") }
        StringEquals = { "aws:PrincipalTag/x509Subject/CN" = try(var.roles_anywhere.common_name, "") }
      }
    }
  }
}

resource "aws_iam_role" "orthanc" {
  count = local.has_role ? 1 : 0

  name        = var.name
  description = "Orthanc with the archive ${var.bucket}"
  tags        = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for trust in [local.trusts[var.runs_on]] : merge(
        { Effect = "Allow", Principal = trust.Principal, Action = trust.Action },
        { for name, condition in { Condition = trust.Condition } : name => condition if length(condition) > 0 },
      )
    ]
  })
}

resource "aws_iam_role_policy_attachment" "orthanc" {
  count = local.has_role ? 1 : 0

  role       = aws_iam_role.orthanc[0].name
  policy_arn = aws_iam_policy.orthanc.arn
}

resource "aws_iam_instance_profile" "orthanc" {
  count = var.runs_on == "ec2" ? 1 : 0

  name = var.name
  role = aws_iam_role.orthanc[0].name
  tags = var.tags
}

resource "aws_eks_pod_identity_association" "orthanc" {
  count = var.runs_on == "pod_identity" ? 1 : 0

  cluster_name    = var.kubernetes.cluster
  namespace       = var.kubernetes.namespace
  service_account = var.kubernetes.service_account
  role_arn        = aws_iam_role.orthanc[0].arn
  tags            = var.tags
}
