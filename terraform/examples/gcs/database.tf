# The index. All Orthancs share it; Cloud SQL keeps backups and a second copy in another zone.

resource "google_sql_database_instance" "index" {
  #checkov:skip=CKV_GCP_6:Plain text is refused; certificates of clients are not needed beside the password.
  #checkov:skip=CKV_GCP_110:Statements hold names of patients, and logs shall not.
  #checkov:skip=CKV_GCP_111:Statements hold names of patients, and logs shall not.
  #checkov:skip=CKV2_GCP_13:Durations without their statements say nothing.
  name                = "orthanc-index"
  region              = var.region
  database_version    = "POSTGRES_17"
  deletion_protection = true

  settings {
    tier                        = var.database_tier
    availability_type           = "REGIONAL"
    deletion_protection_enabled = true

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.orthanc.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
    }

    dynamic "database_flags" {
      for_each = {
        log_checkpoints         = "on"
        log_connections         = "on"
        log_disconnections      = "on"
        log_hostname            = "on"
        log_lock_waits          = "on"
        log_min_error_statement = "panic"
      }
      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }

  depends_on = [google_service_networking_connection.database]
}

resource "google_sql_database" "index" {
  name     = "orthanc"
  instance = google_sql_database_instance.index.name
}

resource "google_sql_user" "orthanc" {
  name                = "orthanc"
  instance            = google_sql_database_instance.index.name
  password_wo         = var.database_password
  password_wo_version = var.secrets_version
}
