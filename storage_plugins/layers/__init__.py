"""Layers: stores that hold a store, one concern each. `compose` stacks them."""
