"""What following an object's changes tells Dagster: numbers to plot, and what was missing."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import dagster as dg

from assets.changes_run import Applied
from assets.changes_spec import ChangesSpec
from assets.failures import STATUS
from assets.stage_metadata import API_CALLS, API_CALLS_LEFT, lag_s
from resources.salesforce.client import SalesforceClient


def changes_metadata(
    spec: ChangesSpec, client: SalesforceClient, applied: Sequence[Applied]
) -> dict[str, Any]:
    """Of all stretches of a run together.

    ``salesforce/lag_s`` is the age of the newest change when it had been applied.
    """
    by_type: Counter[str] = Counter()
    for one in applied:
        by_type.update(one.seen.by_type)
    merges = [one.merged for one in applied] + [one.window for one in applied if one.window]
    again = [one.read_again for one in applied if one.read_again]
    table = f"{spec.sync.schema}.{spec.log_table}"
    metadata: dict[str, Any] = {
        STATUS: "done",
        "dagster/table_name": table,
        "salesforce/channel": spec.channel,
        "salesforce/events": sum(one.seen.events for one in applied),
        "salesforce/events_by_type": dg.MetadataValue.json(dict(sorted(by_type.items()))),
        "salesforce/own_echoes": sum(one.seen.echoes for one in applied),
        "salesforce/gaps": sum(one.seen.gaps for one in applied),
        "salesforce/overflows": sum(len(one.seen.overflows) for one in applied),
        "salesforce/wildcards": sum(one.seen.wildcards for one in applied),
        "salesforce/breaks": sum(len(one.breaks) for one in applied),
        "tidegate/changes_appended": sum(one.appended.appended for one in applied),
        "tidegate/changes_repeated": sum(one.appended.repeated for one in applied),
        "tidegate/dead_events": sum(one.appended.dead for one in applied),
        "tidegate/records_asked": sum(one.asked for one in applied),
        "tidegate/records_gone": sum(one.asked - one.returned for one in applied),
        "tidegate/inserted": sum(one.inserted for one in merges),
        "tidegate/updated": sum(one.updated for one in merges),
        "tidegate/deleted": sum(one.deleted for one in merges),
        "tidegate/reads_of_more": sum(one.window is not None for one in applied),
        API_CALLS: client.api_calls,
    }
    if again:
        metadata["tidegate/reads_of_more_because"] = [
            reason for one in again for reason in one.reasons
        ]
    if applied:
        metadata["tidegate/rows_in_table"] = applied[-1].merged.rows_in_table
        committed = applied[-1].position.committed_at
        if committed is not None:
            metadata["salesforce/last_commit"] = committed.isoformat(timespec="milliseconds")
            metadata["salesforce/lag_s"] = lag_s(client, committed)
    if client.limits.left is not None:
        metadata[API_CALLS_LEFT] = client.limits.left
    return metadata
