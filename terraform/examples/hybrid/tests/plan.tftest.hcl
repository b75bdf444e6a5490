mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/orthanc" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/orthanc" }
  }
  mock_resource "aws_rolesanywhere_trust_anchor" {
    defaults = { arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/1" }
  }
}

variables {
  bucket                = "hospital-archive"
  common_name           = "orthanc.hospital"
  authority_certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
}

run "keeps_working_without_the_line" {
  assert {
    condition     = jsondecode(output.storage_plugins_json).StoragePlugins.WriteBehind.MaximumSize == 200000
    error_message = "Uploads do not wait on the disk."
  }
  assert {
    condition     = jsondecode(output.storage_plugins_json).StoragePlugins.Options.Profile == "orthanc" && strcontains(output.aws_config, "[profile orthanc]")
    error_message = "The section does not name the profile of the certificate."
  }
  assert {
    condition     = strcontains(output.aws_config, "--role-arn arn:aws:iam::123456789012:role/orthanc")
    error_message = "The profile does not name the role."
  }
}

run "a_private_key_in_the_wrong_place" {
  command = plan
  variables {
    authority_certificate = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"
  }
  expect_failures = [var.authority_certificate]
}
