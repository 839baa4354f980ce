"""The sentiment place."""
