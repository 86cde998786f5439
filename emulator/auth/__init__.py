"""Logging in: the token endpoint, sessions, identity."""
