mock_provider "google" {
  override_during = plan
  mock_resource "google_service_account" {
    defaults = { email = "orthanc-storage@hospital-imaging.iam.gserviceaccount.com" }
  }
  mock_resource "google_sql_database_instance" {
    defaults = { private_ip_address = "10.65.0.3" }
  }
  mock_data "google_compute_zones" {
    defaults = { names = ["europe-west3-a", "europe-west3-b", "europe-west3-c"] }
  }
}

variables {
  project           = "hospital-imaging"
  bucket            = "hospital-archive"
  client_ranges     = ["10.20.0.0/16"]
  database_password = "correct-horse-battery"
  orthanc_password  = "staple-correct-horse"
}

run "two_machines" {
  command = plan
  variables {
    machines = 2
  }
  assert {
    condition     = google_compute_instance.orthanc[*].zone == ["europe-west3-a", "europe-west3-b"]
    error_message = "Two machines are not in two zones."
  }
  assert {
    condition     = alltrue([for machine in google_compute_instance.orthanc : length(machine.network_interface[0].access_config) == 0])
    error_message = "A machine has a public address."
  }
  assert {
    condition     = !google_sql_database_instance.index.settings[0].ip_configuration[0].ipv4_enabled && google_sql_database_instance.index.settings[0].ip_configuration[0].ssl_mode == "ENCRYPTED_ONLY"
    error_message = "The database is public, or takes plain text."
  }
  assert {
    condition     = alltrue([for machine in google_compute_instance.orthanc : !strcontains(machine.metadata_startup_script, "correct-horse")])
    error_message = "A password is in the metadata of a machine."
  }
}

run "the_whole_world" {
  command = plan
  variables {
    client_ranges = ["0.0.0.0/0"]
  }
  expect_failures = [var.client_ranges]
}

run "short_password" {
  command = plan
  variables {
    database_password = "short"
  }
  expect_failures = [var.database_password]
}
