# The index. All Orthancs share it; RDS keeps backups and a second copy in another zone.

resource "aws_db_subnet_group" "index" {
  name       = "orthanc-index"
  subnet_ids = aws_subnet.private[*].id
}

resource "aws_db_parameter_group" "index" {
  name   = "orthanc-index"
  family = "postgres16"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }
}

resource "aws_db_instance" "index" {
  # checkov:skip=CKV_AWS_161:Orthanc's PostgreSQL plugin knows passwords, and no tokens of IAM
  # checkov:skip=CKV_AWS_118:the free metrics tell enough of this load
  # checkov:skip=CKV_AWS_353:the free metrics tell enough of this load
  # checkov:skip=CKV2_AWS_30:a log of the queries would hold patient data
  identifier                 = "orthanc-index"
  engine                     = "postgres"
  engine_version             = "16"
  instance_class             = var.database_type
  allocated_storage          = 50
  max_allocated_storage      = 1000
  storage_type               = "gp3"
  storage_encrypted          = true
  kms_key_id                 = module.archive.kms_key_arn
  db_name                    = "orthanc"
  username                   = "orthanc"
  password_wo                = var.database_password
  password_wo_version        = var.secrets_version
  db_subnet_group_name       = aws_db_subnet_group.index.name
  parameter_group_name       = aws_db_parameter_group.index.name
  vpc_security_group_ids     = [aws_security_group.database.id]
  publicly_accessible        = false
  multi_az                   = true
  backup_retention_period    = 14
  copy_tags_to_snapshot      = true
  auto_minor_version_upgrade = true
  deletion_protection        = true
  final_snapshot_identifier  = "orthanc-index-final"

  # What it reports holds no queries: only errors and connections.
  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]
}
