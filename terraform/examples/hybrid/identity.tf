# Orthanc shows a certificate of the hospital's authority and gets keys that last an hour. There is no static key to keep,
# to renew or to lose: a certificate that is withdrawn or has ended ends the access.

resource "aws_rolesanywhere_trust_anchor" "hospital" {
  name    = "hospital"
  enabled = true

  source {
    source_type = "CERTIFICATE_BUNDLE"

    source_data {
      x509_certificate_data = var.authority_certificate
    }
  }
}

resource "aws_rolesanywhere_profile" "orthanc" {
  name             = "orthanc"
  enabled          = true
  role_arns        = [module.archive.role_arn]
  duration_seconds = 3600
}
