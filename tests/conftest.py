"""Fixtures that every test may ask for: a running org."""

from collections.abc import Iterator

import pytest
from dagster._core.storage.defs_state.base import set_defs_state_storage

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


@pytest.fixture(autouse=True)
def _no_instance_of_an_earlier_test() -> Iterator[None]:
    """Dagster keeps the storage of the instance that was entered last for the whole process.

    Instances that are left in another order than they were entered leave that of a dead one
    behind, and the next test in the process that loads definitions asks it (dagster 1.13).
    """
    with set_defs_state_storage(None):
        yield
