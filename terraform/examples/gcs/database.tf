# The index. All Orthancs share it; Cloud SQL keeps backups and a second copy in another zone.

resource "google_sql_database_instance" "index" {
  name                = "orthanc-index"
  region              = var.region
  database_version    = "POSTGRES_16"
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
