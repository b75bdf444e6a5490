"""Tests for stores, shipped so that other packages can run them on their own backends."""
