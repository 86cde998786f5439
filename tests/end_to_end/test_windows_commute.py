"""Thirty windows in any order, each read twice, give the same table as one full load."""

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.emulator_process import Org
from tests.end_to_end.play import READS_EACH, WINDOWS, play

EXAMPLES = int(os.environ.get("TIDEGATE_EXAMPLES", "8"))
# What must have happened, or the test would show less than it says.
KINDS = ["create", "update", "delete", "undelete", "late commits", "commits after a read"]
KINDS += ["loads out of order", "reads of a range"]


def check_mix(mix: Counter[str], examples: int) -> str:
    """A sentence about what was tried, once it is enough."""
    assert mix["edits within a second"] >= 0.2 * mix["edits"]
    assert not [kind for kind in KINDS if not mix[kind]]
    share = mix["edits within a second"] / mix["edits"]
    kinds = ", ".join(f"{mix[kind]:,} {kind}" for kind in sorted(mix) if kind != "edits")
    return (
        f"{examples} examples, {WINDOWS} windows read {READS_EACH} times each, {mix['edits']:,} "
        f"edits ({share:.0%} within a second of another one of the same record): {kinds}"
    )


@pytest.mark.slow
@pytest.mark.timeout(120 * EXAMPLES)
def test_windows_in_any_order_give_the_table_of_one_full_load(
    org: Org, tmp_path: Path, record_property
):
    mix = Counter[str]()
    for seed in range(EXAMPLES):
        org.reset()
        mix += play(seed, org, tmp_path / str(seed))

    assert mix["records read again"] > 0
    record_property("states", check_mix(mix, EXAMPLES))
