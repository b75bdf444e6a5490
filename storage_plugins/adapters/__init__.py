"""Adapters: backends over a medium. They translate options and errors, and do nothing else."""
