"""What the layers keep on disks of this machine: files and databases that survive a kill, and who owns them."""
