"""When syncs run by themselves."""
