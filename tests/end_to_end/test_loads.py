"""Random loads that are broken off, killed and started again: each row has one outcome."""

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.emulator_process import Org
from tests.end_to_end.load_play import play
from tests.end_to_end.load_scenes import SCENES

# One of each kind, unless more are asked for.
EXAMPLES = int(os.environ.get("TIDEGATE_EXAMPLES", len(SCENES)))
# What must have happened, or the test would show less than it says.
KINDS = ["kills", "loads alone", "rows accepted", "rows failed", "rows unprocessed", "locks"]


@pytest.mark.slow
@pytest.mark.timeout(120 * EXAMPLES)
def test_the_org_holds_exactly_what_the_outcomes_say(org: Org, tmp_path: Path, record_property):
    mix = Counter[str]()
    for seed in range(EXAMPLES):
        org.reset()
        folder = tmp_path / str(seed)
        folder.mkdir()
        mix += play(seed, org, folder)

    assert not [kind for kind in KINDS if not mix[kind]]
    kinds = ", ".join(f"{mix[kind]:,} {kind}" for kind in sorted(mix))
    record_property("states", f"{EXAMPLES} random loads of three tables each: {kinds}")
