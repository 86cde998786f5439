"""Bugs put into the merge on purpose: the property test must catch each of them."""

from pathlib import Path

import pytest

from tests.end_to_end.checkout import Checkout

MERGE, WINDOWS = "resources/warehouse", "assets"
# Enough to catch them, in less time.
FEWER_WINDOWS = 12
MUTANTS = {
    "when_an_image_was_read_is_ignored": (
        MERGE,
        "WHEN new_lo > old_hi THEN 'win' WHEN new_hi < old_lo THEN 'lose' ",
        "WHEN new_lo IS NOT NULL THEN 'lose' ",
        [0, 4],
    ),
    "the_image_that_comes_last_wins": (
        MERGE,
        "WHEN new_s > old_s THEN 'win' WHEN new_s < old_s THEN 'lose' ",
        "WHEN new_s > old_s THEN 'win' WHEN new_s < old_s THEN 'win' ",
        [0, 4],
    ),
    "images_of_one_moment_are_not_read_again": (
        MERGE,
        "NOT absent AND ((new_torn AND best <> 'lose') OR differ ",
        "NOT absent AND ((new_torn AND best <> 'lose') ",
        [0, 4, 8],
    ),
    "removed_rows_leave_no_tombstone": (
        MERGE,
        'f"FROM {VERDICTS} WHERE NOT has_row OR absent_from IS NOT NULL"',
        'f"FROM {VERDICTS} WHERE false"',
        [1, 3, 2],
    ),
    "rows_that_stop_matching_stay": (
        MERGE,
        'f"SELECT {columns}, false, true, false FROM {source}"',
        'f"SELECT {columns}, false, true, false FROM {source} WHERE false"',
        [2, 3],
    ),
    "late_commits_are_not_looked_for": (
        WINDOWS,
        "return None if self.start is None else self.start - timedelta(seconds=self.margin_s)",
        "return self.start",
        [0, 1, 4],
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_bug_in_the_merge_is_caught(tmp_path: Path, mutant: str):
    folder, old, new, seeds = MUTANTS[mutant]
    copy = Checkout(tmp_path / "copy")
    copy.replace(folder, old, new)

    played = copy.run(
        "-m",
        "tests.end_to_end.play",
        f"--windows={FEWER_WINDOWS}",
        *(f"--seed={seed}" for seed in seeds),
        timeout_s=500,
    )

    assert played.returncode == 1
    assert "wrong row(s)" in played.stderr, played.stderr[-3000:]
