"""Durable background work on the same PostgreSQL: what was asked for is done, also after a crash."""
