"""The table at the end of a command fits the terminals that people have."""

from io import StringIO

import pytest
from rich.console import Console

from pipelines.report import outcome_table, windows
from pipelines.runs import ObjectOutcome, RunOutcome

NUMBERS = {"rows": 25_244, "inserted": 25_244, "updated": 1_098, "deleted": 0, "api_calls": 5}
AS_SHOWN = ["25,244", "25,244", "1,098", "0", "5", "123.4", "done"]
LONGEST = "OpportunityContactRole"


def table(columns: int) -> list[str]:
    objects = tuple(
        ObjectOutcome(name, "done", 123.4, None, NUMBERS) for name in ("Account", LONGEST)
    )
    shown = StringIO()
    outcomes = [RunOutcome("r", "2026-09-01...2026-11-21", objects)]
    Console(width=columns, file=shown).print(outcome_table(outcomes))
    return [line.rstrip() for line in shown.getvalue().splitlines()]


def test_each_object_has_one_line_in_100_columns():
    header, _, account, longest = table(100)

    assert "calls" in header
    assert account.split() == ["Account", "2026-09-01", "…", "11-21", *AS_SHOWN]
    assert longest.split() == [LONGEST, "2026-09-01", "…", "11-21", *AS_SHOWN]


def test_in_80_columns_names_and_windows_are_folded_and_nothing_is_cut():
    lines = table(80)

    assert max(map(len, lines)) <= 80
    [account] = [line for line in lines if line.startswith("Account")]
    assert account.split()[-len(AS_SHOWN) :] == AS_SHOWN
    assert "".join(line.split(" ")[0] for line in lines).endswith(LONGEST)


@pytest.mark.parametrize(
    ("range_", "shown"),
    [
        (None, "whole"),
        ("2026-09-01", "2026-09-01"),
        ("2026-09-01...2026-11-21", "2026-09-01 … 11-21"),
        ("2025-12-30...2026-01-02", "2025-12-30 … 2026-01-02"),
    ],
)
def test_a_year_that_both_ends_share_stands_once(range_: str | None, shown: str):
    assert windows(range_) == shown
