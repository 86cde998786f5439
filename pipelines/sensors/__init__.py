"""Sensors: what makes runs begin because something happened."""
