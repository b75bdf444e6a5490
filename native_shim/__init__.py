"""The C side of the plugin and its build. See README.md in this folder."""
