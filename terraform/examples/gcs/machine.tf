# The machines. They hold nothing that matters: index and files are elsewhere, and the script makes a new one in minutes.

data "google_compute_zones" "here" {
  region = var.region
}

data "google_compute_image" "debian" {
  project = "debian-cloud"
  family  = "debian-12"
}

resource "google_compute_instance" "orthanc" {
  #checkov:skip=CKV_GCP_38:The disk holds no patient data, and Google encrypts it.
  count        = var.machines
  name         = "orthanc-${count.index + 1}"
  machine_type = var.machine_type
  zone         = try(data.google_compute_zones.here.names[count.index % length(data.google_compute_zones.here.names)], "${var.region}-b")

  boot_disk {
    initialize_params {
      image = data.google_compute_image.debian.self_link
      size  = 30
      type  = "pd-balanced"
    }
  }

  network_interface {
    subnetwork = google_compute_subnetwork.orthanc.id
  }

  service_account {
    email  = module.archive.service_account_email
    scopes = ["https://www.googleapis.com/auth/cloud-platform"]
  }

  shielded_instance_config {
    enable_secure_boot          = true
    enable_vtpm                 = true
    enable_integrity_monitoring = true
  }

  metadata = {
    block-project-ssh-keys = "true"
    enable-oslogin         = "TRUE"
    serial-port-enable     = "FALSE"
  }

  # Google runs it at each start, so that new passwords and a new plugin are taken up by a restart.
  metadata_startup_script = templatefile("${path.module}/../start.sh.tftpl", {
    package  = var.plugin_package
    packages = ""
    password = templatefile("${path.module}/password.sh.tftpl", { project = var.project })
    storage  = module.archive.storage_plugins_json
    database = {
      Host     = google_sql_database_instance.index.private_ip_address
      Database = google_sql_database.index.name
      Username = google_sql_user.orthanc.name
    }
    passwords = { for name in local.secrets : name => google_secret_manager_secret.password[name].secret_id }
  })

  depends_on = [
    google_compute_router_nat.orthanc,
    google_secret_manager_secret_iam_member.orthanc,
    google_secret_manager_secret_version.password,
    google_sql_database.index,
    google_sql_user.orthanc,
  ]
}
