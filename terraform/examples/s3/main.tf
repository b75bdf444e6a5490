# Orthanc on EC2, its index on RDS, its files in a bucket. No machine has a static key.

module "archive" {
  source  = "../../modules/s3"
  bucket  = var.bucket
  runs_on = "ec2"
}
