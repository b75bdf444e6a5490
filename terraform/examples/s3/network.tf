# Machines and database have private addresses only. What the machines fetch goes out through one gateway, what they
# store does not leave Amazon's network.

locals {
  zones = [for letter in var.zones : "${var.region}${letter}"]
}

resource "aws_vpc" "orthanc" {
  # checkov:skip=CKV2_AWS_11:who talked to whom is kept by the network that this one is connected to
  cidr_block           = "10.60.0.0/16"
  enable_dns_hostnames = true
  tags                 = { Name = "orthanc" }
}

# Without rules: nothing belongs to it.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.orthanc.id
}

resource "aws_subnet" "private" {
  count             = 2
  vpc_id            = aws_vpc.orthanc.id
  availability_zone = local.zones[count.index]
  cidr_block        = cidrsubnet(aws_vpc.orthanc.cidr_block, 8, count.index)
  tags              = { Name = "orthanc-private-${count.index + 1}" }
}

resource "aws_subnet" "public" {
  vpc_id            = aws_vpc.orthanc.id
  availability_zone = local.zones[0]
  cidr_block        = cidrsubnet(aws_vpc.orthanc.cidr_block, 8, 100)
  tags              = { Name = "orthanc-public" }
}

resource "aws_internet_gateway" "orthanc" {
  vpc_id = aws_vpc.orthanc.id
}

resource "aws_eip" "nat" {
  domain = "vpc"
}

resource "aws_nat_gateway" "orthanc" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.public.id

  depends_on = [aws_internet_gateway.orthanc]
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.orthanc.id
}

resource "aws_route" "public" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.orthanc.id
}

resource "aws_route_table_association" "public" {
  route_table_id = aws_route_table.public.id
  subnet_id      = aws_subnet.public.id
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.orthanc.id
}

resource "aws_route" "private" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.orthanc.id
}

resource "aws_route_table_association" "private" {
  count          = 2
  route_table_id = aws_route_table.private.id
  subnet_id      = aws_subnet.private[count.index].id
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.orthanc.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]
}
