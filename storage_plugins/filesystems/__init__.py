"""fsspec filesystems of our own, for object storage: one request on the wire for each hot verb."""
