"""The border to C: the only package that imports the module of the shim, which exists only inside Orthanc."""
