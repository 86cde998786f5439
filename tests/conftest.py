"""Fixtures that every test may ask for: a running org."""

from collections.abc import Iterator

import pytest

from tests.emulator_process import Org, running_org


@pytest.fixture(scope="session")
def org_process() -> Iterator[Org]:
    """One emulator per test process; tests ask for `org` instead, which is empty each time."""
    with running_org("--seed", "empty") as org:
        yield org


@pytest.fixture
def org(org_process: Org) -> Org:
    """An org as freshly started: base records only, no faults, the clock at the machine's time."""
    org_process.reset()
    return org_process
