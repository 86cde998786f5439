"""The event bus: what changed in the org, and what was published, as subscribers see it."""
