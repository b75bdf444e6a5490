# A network without public addresses: Google's services and the database are reached inside, Debian's mirrors over NAT.

resource "google_compute_network" "orthanc" {
  name                    = "orthanc"
  auto_create_subnetworks = false

  depends_on = [google_project_service.needed]
}

resource "google_compute_subnetwork" "orthanc" {
  name                     = "orthanc"
  network                  = google_compute_network.orthanc.id
  region                   = var.region
  ip_cidr_range            = "10.64.0.0/24"
  private_ip_google_access = true

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.5
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_router" "orthanc" {
  name    = "orthanc"
  network = google_compute_network.orthanc.id
  region  = var.region
}

resource "google_compute_router_nat" "orthanc" {
  name                               = "orthanc"
  router                             = google_compute_router.orthanc.name
  region                             = var.region
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"
}

resource "google_compute_firewall" "clients" {
  name                    = "orthanc-clients"
  network                 = google_compute_network.orthanc.id
  direction               = "INGRESS"
  source_ranges           = var.client_ranges
  target_service_accounts = [module.archive.service_account_email]

  allow {
    protocol = "tcp"
    ports    = ["4242", "8042"]
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}

# Administrators come through Google's Identity-Aware Proxy, which asks for their account.
resource "google_compute_firewall" "administrators" {
  name                    = "orthanc-administrators"
  network                 = google_compute_network.orthanc.id
  direction               = "INGRESS"
  source_ranges           = ["35.235.240.0/20"]
  target_service_accounts = [module.archive.service_account_email]

  allow {
    protocol = "tcp"
    ports    = ["22"]
  }
}

resource "google_compute_global_address" "database" {
  name          = "orthanc-database"
  network       = google_compute_network.orthanc.id
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
}

resource "google_service_networking_connection" "database" {
  network                 = google_compute_network.orthanc.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.database.name]
}
