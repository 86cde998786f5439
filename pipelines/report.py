"""What a command did: a table or one JSON object, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from pipelines.runs import RunOutcome

DONE, FAILED, USAGE, DEFERRED = 0, 1, 2, 3
NUMBERS = ("rows", "inserted", "updated", "deleted", "api_calls")
HEADINGS = {"api_calls": "calls"}


def exit_code(outcomes: Sequence[RunOutcome]) -> int:
    """Failed counts more than deferred, deferred more than done."""
    statuses = {status for outcome in outcomes for status in outcome.statuses}
    if statuses & {"failed", "not run"}:
        return FAILED
    return DEFERRED if "deferred" in statuses else DONE


def as_json(outcomes: Sequence[RunOutcome]) -> str:
    """One object for programs."""
    status = {DONE: "done", FAILED: "failed", DEFERRED: "deferred"}[exit_code(outcomes)]
    runs: list[dict[str, Any]] = [asdict(outcome) for outcome in outcomes]
    return json.dumps({"status": status, "runs": runs}, indent=2)


def outcome_table(outcomes: Sequence[RunOutcome], title: str | None = None) -> Table:
    """One row per object and run, for people."""
    table = plain_table(title)
    table.add_column("object", overflow="fold")
    table.add_column("windows", overflow="fold", min_width=len("2026-09-01"))
    for name in NUMBERS:
        table.add_column(HEADINGS.get(name, name), justify="right", no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for outcome in outcomes:
        for one in outcome.objects:
            numbers = [f"{one.numbers[name]:,}" if name in one.numbers else "" for name in NUMBERS]
            table.add_row(
                one.object, windows(outcome.range), *numbers, f"{one.seconds:.1f}", one.status
            )
    return table


def plain_table(title: str | None = None, *, gap: int = 0) -> Table:
    """A table without lines between columns, whose room numbers need in 80 columns.

    Args:
        gap: Blanks behind each column, besides the one that is always there.
    """
    return Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, gap, 0, 0),
    )


def windows(range_: str | None) -> str:
    """The windows of a run, with a year that both ends share written once."""
    if range_ is None:
        return "whole"
    first, dots, last = range_.partition("...")
    return f"{first} … {last.removeprefix(first[:5])}" if dots else first


def print_errors(outcomes: Sequence[RunOutcome], console: Console) -> None:
    """What failed, and where to look further."""
    for outcome in outcomes:
        for one in outcome.objects:
            if one.error:
                console.print(f"{one.object} {one.status}: {one.error}", markup=False)
                console.print(f"  run {outcome.run_id}", markup=False)
