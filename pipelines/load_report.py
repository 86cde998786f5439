"""What a load did, or would do: tables for people, one JSON object for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from assets.dry_run import DryRun
from assets.load_spec import LoadSpec
from pipelines.load_runs import LoadOutcome
from pipelines.report import DEFERRED, DONE, FAILED, plain_table

CODES = {"done": DONE, "deferred": DEFERRED}
# What a row can end as, and what is part of the line above it.
_ROWS = ("accepted", "failed", "unprocessed", "unchanged", "in_sync", "drifted", "vanished")
_WHAT = {
    "accepted": "the org has them as they are here",
    "failed": "refused; kept with their values, to be sent again",
    "unprocessed": "the org didn't come to them; kept, too",
    "unchanged": "accepted earlier, not sent",
    "in_sync": "the org had them already, not sent",
    "drifted": "changed in the org since they were sent",
    "vanished": "accepted once, no longer in the query",
}


def tell(
    spec: LoadSpec,
    outcome: LoadOutcome,
    kept: Sequence[Mapping[str, Any]],
    more: int,
    out: Console,
    err: Console,
) -> None:
    """Tables of what became of the rows; what failed goes to stderr."""
    out.print(f"{spec.name}: {spec.operation} {spec.object}", markup=False, highlight=False)
    out.print(outcome_table(outcome))
    if kept:
        out.print(kept_table(kept, more))
    tell_error(outcome, err)


def tell_error(outcome: LoadOutcome, err: Console) -> None:
    """What failed, and where to look further."""
    if outcome.error:
        err.print(f"{outcome.load} {outcome.status}: {outcome.error}", markup=False)
        err.print(f"  run {outcome.run_id}", markup=False)


def tell_dry_run(spec: LoadSpec, found: DryRun, out: Console, err: Console) -> None:
    """Counts and examples; what is wrong with refused rows goes to stderr."""
    said = f"{spec.name}: {spec.operation} {spec.object}, dry run: nothing was sent"
    out.print(said, markup=False, highlight=False)
    for table in dry_run_tables(found):
        out.print(table)
    for problem in found.problems:
        err.print(problem, markup=False)


def exit_code(outcome: LoadOutcome) -> int:
    return CODES.get(outcome.status, FAILED)


def as_json(outcome: LoadOutcome) -> str:
    """One object for programs."""
    return json.dumps(asdict(outcome), indent=2)


def outcome_table(outcome: LoadOutcome, title: str | None = None) -> Table:
    """One row per outcome, and per error code."""
    table = plain_table(title, gap=1)
    table.add_column("rows", overflow="fold")
    table.add_column("number", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for name in _ROWS:
        number = outcome.numbers.get(name, 0)
        if number or name in ("accepted", "failed", "unprocessed"):
            table.add_row(name.replace("_", " "), f"{number:,}", _WHAT[name] if number else "")
        if name == "accepted" and outcome.numbers.get("created"):
            table.add_row("  created", f"{outcome.numbers['created']:,}", "")
        if name == "failed":
            for code, rows in sorted(outcome.error_codes.items()):
                table.add_row(f"  {code or 'no code'}", f"{rows:,}", "")
    table.add_row("API calls", f"{outcome.numbers.get('api_calls', 0):,}", "")
    table.add_row("seconds", f"{outcome.seconds:.1f}", "")
    return table


def kept_table(kept: Iterable[Mapping[str, Any]], more: int) -> Table:
    """Rows that weren't accepted: which, and why."""
    left_out = f" ({more:,} more are left out)" if more else ""
    table = plain_table(f"Not accepted{left_out}", gap=1)
    table.add_column("key", overflow="fold")
    table.add_column("why", overflow="fold")
    for row in kept:
        code = row["error_code"] or row["outcome"]
        table.add_row(row["_key"], f"{code}: {row['error_message'] or ''}".rstrip(": "))
    return table


def dry_run_json(spec: LoadSpec, found: DryRun) -> str:
    """One object for programs."""
    return json.dumps({"status": "done", "load": spec.name, **asdict(found)}, indent=2)


def dry_run_tables(found: DryRun) -> Sequence[Table]:
    """How many rows would do what, and some of them with old and new values."""
    counts = plain_table(gap=1)
    counts.add_column("rows", overflow="fold")
    counts.add_column("number", justify="right", no_wrap=True)
    for name in ("creates", "updates", "deletes", "same_in_org", "not_in_org", "refused"):
        number = getattr(found, name)
        if number or name in ("creates", "updates"):
            counts.add_row(name.replace("_", " "), f"{number:,}")
    counts.add_row("unchanged, not sent", f"{found.unchanged:,}")
    counts.add_row("API calls asked", f"{found.api_calls:,}")
    if not found.examples:
        return [counts]
    examples = plain_table("Some of them", gap=1)
    for name in ("key", "field", "in the org", "would become"):
        examples.add_column(name, overflow="fold")
    for one in found.examples:
        for index, change in enumerate(one.changes):
            key = one.key if index == 0 else ""
            examples.add_row(key, change.field, _shown(change.old), _shown(change.new))
    return [counts, examples]


def _shown(value: str | None) -> str:
    return "(nothing)" if value is None else value
