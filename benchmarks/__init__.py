"""What the storage area costs, measured on a real Orthanc. `script/bench` runs these modules."""
