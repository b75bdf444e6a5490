"""The configuration: a strict model, and messages that say what to change."""
