"""Queries by REST: pages of records."""
