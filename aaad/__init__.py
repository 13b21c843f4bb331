"""The daemon."""

VERSION = "0.1.0"
"""Of the whole project; pyproject.toml reads it here."""
