"""Ondol's version, for `/health`, the API page and the change log."""

VERSION = "0.1.0"
