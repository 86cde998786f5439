"""A pytest plugin: what tests say of themselves stands at the end of the output.

A test that tries things at random records what it tried: `record_property("states", "…")`. That
also arrives from the worker processes of xdist, where nothing else that a test prints does.
"""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line per statement."""
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, [])]
    said = [
        (report.nodeid.rpartition("::")[2], text)
        for report in reports
        for name, text in report.user_properties
        if name == "states"
    ]
    if said:
        terminalreporter.section("what tests state")
        for test, text in said:
            terminalreporter.write_line(f"{test}: {text}")
