"""Tables that follow events are the org's, whatever happens between, and the log is complete."""

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.emulator_process import Org
from tests.end_to_end.event_play import CHANGE_FAULTS, STREAM_FAULTS, SWEEP, play, sweep

EXAMPLES = int(os.environ.get("TIDEGATE_EXAMPLES", "2"))
# What must have happened, or the test would show less than it says.
KINDS = ["create", "update", "delete", "undelete", "late commits", "fields added"]
KINDS += [*CHANGE_FAULTS, *STREAM_FAULTS, "listeners killed", "positions outlived"]
KINDS += ["read_windows done", "certain versions"]


def check_mix(mix: Counter[str], examples: int) -> str:
    """A sentence about what was tried, once it is enough."""
    assert mix["edits within a second"] >= 0.2 * mix["edits"]
    assert not [kind for kind in KINDS if not mix[kind]]
    assert mix["evaluate_sensor done"] + mix["evaluate_sensor killed"] >= examples
    # Which of the steps die depends on how fast the machine is.
    assert sum(count for kind, count in mix.items() if kind.endswith("killed")) >= 3 * examples
    kinds = ", ".join(f"{mix[kind]:,} {kind}" for kind in sorted(mix))
    return f"{examples} histories of three objects each: {kinds}"


@pytest.mark.slow
@pytest.mark.timeout(150 * EXAMPLES)
def test_tables_that_follow_events_are_the_orgs_and_logs_hold_each_event_once(
    org: Org, tmp_path: Path, record_property
):
    mix = Counter[str]()
    for seed in range(EXAMPLES):
        org.reset()
        mix += play(seed, org, tmp_path / str(seed))

    record_property("states", check_mix(mix, EXAMPLES))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_kill_before_any_deed_to_a_file_loses_nothing(org: Org, tmp_path: Path, record_property):
    mix = sweep(0, org, tmp_path)

    killed, applied = mix["drain_all killed"] + mix["apply_changes killed"], mix["changes logged"]
    assert killed >= len(SWEEP) / 2
    record_property("states", f"{killed} kills, {applied:,} changes, each applied")
