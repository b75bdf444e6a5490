mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/orthanc" }
  }
}

variables {
  bucket            = "hospital-archive"
  client_ranges     = ["10.20.0.0/16", "10.30.0.0/16"]
  database_password = "correct-horse-battery"
  orthanc_password  = "staple-correct-horse"
}

run "two_machines" {
  variables {
    machines = 2
  }

  assert {
    condition     = length(aws_instance.orthanc) == 2 && length(distinct(aws_subnet.private[*].availability_zone)) == 2
    error_message = "Two machines are not in two zones."
  }
  assert {
    condition     = alltrue([for machine in aws_instance.orthanc : machine.metadata_options[0].http_tokens == "required"])
    error_message = "A machine gives its role's credentials without a token."
  }
  assert {
    condition     = alltrue([for machine in aws_instance.orthanc : !strcontains(machine.user_data, "correct-horse")])
    error_message = "A password is in the data of a machine."
  }
  assert {
    condition     = !aws_db_instance.index.publicly_accessible && aws_db_instance.index.storage_encrypted
    error_message = "The database is public, or in plain text."
  }
  assert {
    condition = toset([for rule in aws_vpc_security_group_ingress_rule.clients : "${rule.cidr_ipv4} ${rule.from_port}"]) == toset([
      "10.20.0.0/16 4242", "10.20.0.0/16 8042", "10.30.0.0/16 4242", "10.30.0.0/16 8042",
    ])
    error_message = "Others than the hospital's networks reach Orthanc, or not all of them."
  }
}

run "the_whole_world" {
  command = plan
  variables {
    client_ranges = ["0.0.0.0/0"]
  }
  expect_failures = [var.client_ranges]
}

run "weak_passwords" {
  command = plan
  variables {
    database_password = "short"
    orthanc_password  = "short"
  }
  expect_failures = [var.database_password, var.orthanc_password]
}

run "a_quote_in_the_package" {
  command = plan
  variables {
    plugin_package = "x'; reboot; '"
  }
  expect_failures = [var.plugin_package]
}
