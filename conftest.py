"""Plugins for every test run."""

pytest_plugins = ["tests.skips", "tests.statements"]
