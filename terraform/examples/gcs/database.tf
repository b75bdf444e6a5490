# The index. All Orthancs share it; Cloud SQL keeps backups and a second copy in another zone.

resource "google_sql_database_instance" "index" {
  #checkov:skip=CKV_GCP_6:Plain text is refused; certificates of clients are not needed beside the password.
  #checkov:skip=CKV_GCP_79:This is the version that Debian's orthanc-postgresql is tested with here.
  #checkov:skip=CKV_GCP_109:Statements that fail hold names of patients, too.
  #checkov:skip=CKV_GCP_110:Statements hold names of patients, and logs shall not.
  #checkov:skip=CKV_GCP_111:Statements hold names of patients, and logs shall not.
  #checkov:skip=CKV2_GCP_13:Durations without their statements say nothing.
  name                = "orthanc-index"
  region              = var.region
  database_version    = "POSTGRES_15"
  deletion_protection = true

  settings {
    edition                     = "ENTERPRISE"
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

    database_flags {
      name  = "log_checkpoints"
      value = "on"
    }

    database_flags {
      name  = "log_connections"
      value = "on"
    }

    database_flags {
      name  = "log_disconnections"
      value = "on"
    }

    database_flags {
      name  = "log_hostname"
      value = "on"
    }

    database_flags {
      name  = "log_lock_waits"
      value = "on"
    }

    database_flags {
      name  = "log_min_error_statement"
      value = "panic"
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
