"""Handlers, one file per resource: a call in, an answer out."""
