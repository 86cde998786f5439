"""Plugins for every test run, and how many tests run at once."""

import os

pytest_plugins = ["tests.skips", "tests.statements"]


def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` means: tests wait for servers and disks for half of their time."""
    return (os.cpu_count() or 1) * 3 // 2
