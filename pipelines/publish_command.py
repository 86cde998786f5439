"""`python -m pipelines publish`: a platform event per row of a file, with a result for each."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from assets.errors import UnknownEventError
from assets.event_rows import FORMATS, Format, event_rows
from assets.spelling import nearest
from pipelines.project import Project, UsageError
from pipelines.publish_progress import told_on
from pipelines.report import DONE, FAILED
from resources.salesforce.client import SalesforceClient
from resources.salesforce.pubsub.channels import channel_named
from resources.salesforce.pubsub.client import PubSub
from resources.salesforce.pubsub.errors import TopicNotFoundError
from resources.salesforce.pubsub.event_schema import parse_event_schema

STDIN = "-"
QUEUED = "queued"
MOST_SHOWN = 20
EVENT_SUFFIX = "__e"
_BY_SUFFIX: Mapping[str, Format] = {
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".csv": "csv",
    ".parquet": "parquet",
}
# What a row can end as, and what that means.
_WHAT = {
    QUEUED: "the org has it",
    "refused": "it won't be published",
    "in_doubt": "the answer was lost: the org may have it",
    "unsent": "never sent",
}


@dataclass(frozen=True)
class Published:
    """What became of each row, in order; rows count from 1."""

    event: str
    results: list[dict[str, Any]]

    @property
    def counts(self) -> dict[str, int]:
        """Rows by outcome."""
        counted = Counter(str(one["outcome"]) for one in self.results)
        return {outcome: counted[outcome] for outcome in _WHAT}

    @property
    def exit_code(self) -> int:
        return DONE if self.counts[QUEUED] == len(self.results) else FAILED


def publish(
    project: Project, org: str, event: str, source: str, form: str | None, console: Console
) -> Published:
    """Publish the rows of a file, or of stdin, and show on the console how it gets on.

    Raises:
        UsageError: There is no such connection, file or format.
        AssetError: There is no such event, or the rows don't fit it. Nothing was published.
        SalesforceError: The org refuses all. Nothing was published.
    """
    chosen = format_of(source, form)
    project.require_connection(org)
    body = _read(source)
    project.require_logins([org])
    resource = project.org_resource(org)
    with resource.connect() as client, resource.events(client) as pubsub:
        rows = event_rows(body, chosen, event, _types(client, pubsub, event))
        with told_on(console, event, rows.num_rows) as on_sent:
            results = pubsub.publish(event, rows, on_sent=on_sent)
    return Published(event, [_counted_from_1(one) for one in results.to_pylist()])


def format_of(source: str, form: str | None) -> Format:
    """The format that was said, or that the suffix says; that of stdin is JSON.

    Raises:
        UsageError: It isn't one, or there's no telling.
    """
    said = form.lower() if form is not None else None
    for known in FORMATS:
        if said == known:
            return known
    if said is not None:
        raise UsageError(f"--format takes {', '.join(FORMATS)}, not {form}.")
    if source == STDIN:
        return "json"
    suffix = Path(source).suffix.lower()
    if suffix not in _BY_SUFFIX:
        raise UsageError(
            f"{source} doesn't end in {', '.join(_BY_SUFFIX)}: say with --format what it is."
        )
    return _BY_SUFFIX[suffix]


def as_json(published: Published) -> str:
    """One object for programs; replay ids are in hex."""
    results = [
        {**one, "replay_id": one["replay_id"].hex() if one["replay_id"] else None}
        for one in published.results
    ]
    return json.dumps(
        {
            "status": "done" if published.exit_code == DONE else "failed",
            "event": published.event,
            "rows": len(results),
            **published.counts,
            "results": results,
        },
        indent=2,
    )


def tell(published: Published, out: Console, err: Console) -> None:
    """Counts on stdout; what wasn't taken, and why, on stderr."""
    rows = len(published.results)
    out.print(f"{published.event}: {rows:,} {'row' if rows == 1 else 'rows'}", highlight=False)
    for outcome, count in published.counts.items():
        if count:
            text = f"  {outcome.replace('_', ' ')} {count:,}: {_WHAT[outcome]}"
            out.print(text, markup=False, highlight=False)
    tell_errors(published, err)


def tell_errors(published: Published, err: Console) -> None:
    """Some of the rows that weren't taken."""
    failed = [one for one in published.results if one["outcome"] != QUEUED]
    for one in failed[:MOST_SHOWN]:
        text = f"row {one['row']:,} {one['outcome'].replace('_', ' ')}: {one['error']}"
        err.print(text, markup=False, highlight=False)
    if len(failed) > MOST_SHOWN:
        err.print(f"and {len(failed) - MOST_SHOWN:,} more (--json tells all)", markup=False)


def _types(client: SalesforceClient, pubsub: PubSub, event: str) -> Mapping[str, Any]:
    """The event's fields and their Arrow types."""
    try:
        schema_id = pubsub.topic(channel_named(event)).schema_id
    except TopicNotFoundError:
        names = [one.name for one in client.describe_global() if one.name.endswith(EVENT_SUFFIX)]
        raise UnknownEventError(event, nearest(event, names)) from None
    schema = parse_event_schema(schema_id, pubsub.schema_json(schema_id))
    return {column.name: column.type for column in schema.columns}


def _read(source: str) -> bytes:
    if source == STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise UsageError(f"{source} can't be read: {error.strerror}.") from error


def _counted_from_1(result: dict[str, Any]) -> dict[str, Any]:
    return {**result, "row": result["row"] + 1}
