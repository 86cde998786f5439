"""What appending platform events tells Dagster: numbers to plot, columns, and what was lost."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from assets.event_spec import EventTableSpec
from assets.event_table_rows import EVENT_UUID, REPLAY_ID
from assets.event_table_run import Appended
from assets.failures import STATUS
from assets.lineage import type_name
from assets.stage_metadata import API_CALLS, API_CALLS_LEFT, ROW_COUNT, lag_s
from resources.salesforce.client import SalesforceClient
from resources.warehouse.adapter import RUN_ID, SYNCED_AT

LOST = "salesforce/events_lost_for_good"
_BOOKKEEPING = {
    EVENT_UUID: "EventUuid, the same however often the event is delivered",
    REPLAY_ID: "position in the channel, when it was delivered first",
    SYNCED_AT: "when the row was written",
    RUN_ID: "Dagster run that wrote the row",
}


def event_table_metadata(
    spec: EventTableSpec, client: SalesforceClient, appended: Sequence[Appended], rows: int
) -> dict[str, Any]:
    """Of all stretches of a run together; ``rows`` are those of the whole table.

    ``salesforce/lag_s`` is the age of the newest event when it had been appended.
    """
    lost = [one.lost for one in appended if one.lost]
    metadata: dict[str, Any] = {
        STATUS: "done",
        "dagster/table_name": spec.table_name,
        ROW_COUNT: rows,
        "salesforce/channel": spec.channel,
        "salesforce/events": sum(one.events for one in appended),
        "salesforce/breaks": sum(len(one.reasons) for one in lost),
        "tidegate/events_appended": sum(one.result.appended for one in appended),
        "tidegate/events_repeated": sum(one.result.repeated for one in appended),
        "tidegate/dead_events": sum(one.result.dead for one in appended),
        API_CALLS: client.api_calls,
    }
    if lost:
        metadata[LOST] = [str(one) for one in lost]
    if appended:
        last = appended[-1]
        metadata["salesforce/replay_id"] = last.position.replay_id.hex()
        metadata |= _columns(spec, last)
        created = last.position.committed_at
        if created is not None:
            metadata["salesforce/last_event"] = created.isoformat(timespec="milliseconds")
            metadata["salesforce/lag_s"] = lag_s(client, created)
    if client.limits.left is not None:
        metadata[API_CALLS_LEFT] = client.limits.left
    return metadata


def _columns(spec: EventTableSpec, last: Appended) -> dict[str, Any]:
    columns = [
        dg.TableColumn(
            column.name,
            type_name(column.arrow_type),
            description=last.fields.get(column.name) or _BOOKKEEPING.get(column.name),
            constraints=dg.TableColumnConstraints(
                nullable=column.name != EVENT_UUID, unique=column.name == EVENT_UUID
            ),
        )
        for column in last.log.columns
    ]
    lineage = {
        column: [dg.TableColumnDep(spec.of.org_key, field)] for column, field in last.fields.items()
    }
    return {
        "dagster/column_schema": dg.MetadataValue.table_schema(dg.TableSchema(columns)),
        "dagster/column_lineage": dg.MetadataValue.column_lineage(dg.TableColumnLineage(lineage)),
    }
