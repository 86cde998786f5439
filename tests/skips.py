"""A pytest plugin: in CI a skipped test that isn't on the list fails the run.

Each line of `allowed_skips.txt` is a part of a test's id, a tab, and why it may be skipped.
"""

import os
from pathlib import Path

import pytest

ALLOWED_FILE = Path(__file__).with_name("allowed_skips.txt")


def allowed_skips() -> list[str]:
    """The parts of test ids that may be skipped."""
    lines = ALLOWED_FILE.read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[0] for line in lines if line and not line.startswith("#")]


def unexpected(node_ids: list[str], allowed: list[str]) -> list[str]:
    """Those of `node_ids` that no entry of `allowed` covers."""
    return [node for node in node_ids if not any(part in node for part in allowed)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the skipped tests that nobody allowed."""
    reports = terminalreporter.stats.get("skipped", [])
    surprising = unexpected([report.nodeid for report in reports], allowed_skips())
    if surprising and os.environ.get("CI"):
        terminalreporter.section("skipped, but not on tests/allowed_skips.txt")
        for node in surprising:
            terminalreporter.write_line(node)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn a surprising skip into a failed run (the controller's view under xdist)."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI"):
        return
    skipped = [report.nodeid for report in reporter.stats.get("skipped", [])]
    if unexpected(skipped, allowed_skips()) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
