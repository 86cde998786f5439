"""`python -m pipelines load`: sends what changed, or what was kept, or says what it would send."""

from __future__ import annotations

import sys
from itertools import islice
from typing import Any, cast, get_args

import dagster as dg
from rich.console import Console

from assets.dry_run import DryRun, dry_run
from assets.load_spec import LoadSpec
from assets.outbound_question import question
from assets.outbound_run import OutboundRows, Replay, Replayed
from assets.spelling import nearest
from pipelines.load_progress import load_progress
from pipelines.load_runs import LoadOutcome, run_load
from pipelines.project import Project, UsageError

MOST_KEPT_SHOWN = 20


def replay_of(replay: str | None, *, as_sent: bool, dry_run: bool) -> Replay | None:
    """The replay that the options ask for, if they do.

    Raises:
        UsageError: The options contradict each other, or there's no such outcome.
    """
    if replay is None:
        if as_sent:
            raise UsageError("--as-sent says how rows are replayed: add --replay failed, or all.")
        return None
    if dry_run:
        raise UsageError("--dry-run looks at changed rows, not at kept ones: leave out --replay.")
    choices = get_args(Replayed)
    if replay not in choices:
        near = nearest(replay, choices)
        hint = f" Did you mean {near}?" if near else ""
        raise UsageError(f"--replay takes {', '.join(choices)}, not {replay}.{hint}")
    return Replay(cast(Replayed, replay), as_sent)


def load_rows(
    instance: dg.DagsterInstance,
    project: Project,
    spec: LoadSpec,
    replay: Replay | None,
    console: Console,
) -> tuple[LoadOutcome, list[dict[str, Any]], int]:
    """Run the load; its outcome, some of the rows not accepted, and how many more there are."""
    outcome = run_load(instance, project, spec, replay, load_progress(console))
    not_accepted = outcome.numbers.get("failed", 0) + outcome.numbers.get("unprocessed", 0)
    return outcome, *(kept(project, spec) if not_accepted else ([], 0))


def would_do(instance: dg.DagsterInstance, project: Project, spec: LoadSpec) -> DryRun:
    """What a run would send, compared with the org; nothing is written anywhere.

    Raises:
        SalesforceError, WarehouseError, AssetError: What a run would fail with, too.
    """
    warehouse = project.warehouse(spec.warehouse).connect(_tell)
    query = question(spec, instance, warehouse.table_columns)
    with project.connect(spec.org) as client:
        return dry_run(client, OutboundRows(spec, warehouse, client, query))


def kept(project: Project, spec: LoadSpec) -> tuple[list[dict[str, Any]], int]:
    """Some rows that weren't accepted the last time they were sent, and how many more there are."""
    warehouse = project.warehouse(spec.warehouse).connect(_tell)
    with warehouse.kept_rows(spec.name) as reader:
        rows = (row for batch in reader for row in batch.to_pylist())
        shown = list(islice(rows, MOST_KEPT_SHOWN))
        more = sum(1 for _ in rows)
    return shown, more


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
