# Who reaches whom.

resource "aws_security_group" "orthanc" {
  name        = "orthanc"
  description = "Orthanc's machines"
  vpc_id      = aws_vpc.orthanc.id
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = {
    for pair in setproduct(var.client_ranges, [4242, 8042]) : "${pair[0]} ${pair[1]}" => { range = pair[0], port = pair[1] }
  }
  security_group_id = aws_security_group.orthanc.id
  description       = each.value.port == 4242 ? "DICOM" : "HTTP"
  cidr_ipv4         = each.value.range
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "web" {
  for_each          = toset(["80", "443"])
  security_group_id = aws_security_group.orthanc.id
  description       = "Debian's and Python's packages, S3, KMS, Secrets Manager"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = tonumber(each.value)
  to_port           = tonumber(each.value)
}

resource "aws_vpc_security_group_egress_rule" "database" {
  security_group_id            = aws_security_group.orthanc.id
  description                  = "PostgreSQL"
  referenced_security_group_id = aws_security_group.database.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_security_group" "database" {
  name        = "orthanc-database"
  description = "Orthanc's index"
  vpc_id      = aws_vpc.orthanc.id
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  security_group_id            = aws_security_group.database.id
  description                  = "Orthanc"
  referenced_security_group_id = aws_security_group.orthanc.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}
