# The machines. They hold nothing that matters: index and files are elsewhere, and the script makes a new one in minutes.

data "aws_ami" "debian" {
  most_recent = true
  owners      = ["136693071363"] # Debian

  filter {
    name   = "name"
    values = ["debian-12-amd64-*"]
  }
}

resource "aws_instance" "orthanc" {
  # checkov:skip=CKV_AWS_126:the free metrics tell enough of this load
  count                       = var.machines
  ami                         = data.aws_ami.debian.id
  instance_type               = var.machine_type
  subnet_id                   = aws_subnet.private[count.index % 2].id
  vpc_security_group_ids      = [aws_security_group.orthanc.id]
  iam_instance_profile        = module.archive.instance_profile_name
  ebs_optimized               = true
  user_data_replace_on_change = true
  tags                        = { Name = "orthanc-${count.index + 1}" }

  # As a script of each start, so that new passwords and a new plugin are taken up by a restart.
  user_data = join("\n", ["#cloud-config", yamlencode({
    write_files = [{
      path        = "/var/lib/cloud/scripts/per-boot/orthanc"
      permissions = "0700"
      content = templatefile("${path.module}/../start.sh.tftpl", {
        package  = var.plugin_package
        packages = "awscli"
        password = templatefile("${path.module}/password.sh.tftpl", { region = var.region })
        storage  = module.archive.storage_plugins_json
        database = {
          Host     = aws_db_instance.index.address
          Database = aws_db_instance.index.db_name
          Username = aws_db_instance.index.username
        }
        passwords = { for name in local.secrets : name => aws_secretsmanager_secret.password[name].arn }
      })
    }]
  })])

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_size = 30
    volume_type = "gp3"
    encrypted   = true
    kms_key_id  = module.archive.kms_key_arn
  }

  # A newer image of Debian is no reason to make new machines.
  lifecycle {
    ignore_changes = [ami]
  }

  depends_on = [
    aws_db_instance.index,
    aws_iam_role_policy.passwords,
    aws_route.private,
    aws_secretsmanager_secret_version.password,
  ]
}
