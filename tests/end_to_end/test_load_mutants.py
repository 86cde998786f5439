"""Bugs put into loads on purpose: the random loads must catch each of them."""

from pathlib import Path

import pytest

from tests.end_to_end.checkout import Checkout

# Kills come at slightly other moments each time, so that one play may miss a bug: others of the
# same kind follow until one sees it.
INSERTS = ["--seed=1", "--seed=8", "--seed=15", "--seed=22"]
CALLS = ["--seed=0", "--seed=7", "--seed=14", "--seed=21"]

MUTANTS = {
    "what_a_broken_off_run_had_sent_is_not_settled": (
        "assets",
        "            settle(spec, places, run_ids(context), context.log.info)\n",
        "",
        [*INSERTS, "--kill-at=landed.json", "--alone=0"],
    ),
    "a_part_that_may_be_closed_is_uploaded_again": (
        "assets",
        'if job.state == "Aborted" and not job.rows:',
        'if job.state != "Open":',
        [*INSERTS, "--kill-at=sending.json", "--alone=1"],
    ),
    "who_was_created_is_not_asked_after_a_lost_answer": (
        "assets",
        'if operation == "upsert" and (maybe_sent or client.api_calls - before > 1):',
        "if False:",
        [*CALLS, "--fault=cut calls"],
    ),
    "a_row_that_was_sent_again_keeps_its_first_outcome_too": (
        "resources/warehouse",
        "        if earlier and earlier[0]:\n",
        "        if False:\n",
        [*CALLS, "--fault=locks"],
    ),
    "a_round_is_cut_from_its_first_row_again": (
        "resources/landing",
        "sum(part.rows for part in cut)",
        "0",
        [*INSERTS, "--kill-at=part.json", "--alone=1"],
    ),
    "a_manifest_is_sent_each_time_that_a_load_is_run": (
        "resources/landing",
        "            state = upload_plan.of_manifest(entries, outbound_id)\n",
        "            state = self._begin(org_id, load, outbound_id, root_run_id, run_id)\n",
        [*INSERTS, "--kill-at=sending.json", "--alone=1"],
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_bug_in_loads_is_caught(tmp_path: Path, mutant: str):
    folder, old, new, trouble = MUTANTS[mutant]
    copy = Checkout(tmp_path / "copy")
    copy.replace(folder, old, new)

    played = copy.run(
        "-m",
        "tests.end_to_end.load_play",
        *trouble,
        timeout_s=800,
    )

    assert played.returncode == 1
    assert "AssertionError: load " in played.stderr, played.stderr[-3000:]
