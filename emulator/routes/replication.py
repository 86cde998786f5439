"""Which rows were changed or deleted between two times."""

from __future__ import annotations

from datetime import datetime, timedelta

from emulator.answer import Answer
from emulator.call import Call
from emulator.errors import ApiError
from emulator.schema.columns import quoted
from emulator.schema.model import SObject
from emulator.timestamps import parse_datetime, rest_datetime

# How far back each of them looks [rest guide].
UPDATED_REACH, DELETED_REACH = timedelta(days=30), timedelta(days=15)
MOST_IDS = 600_000


def updated(call: Call) -> Answer:
    """GET /sobjects/{object}/updated"""
    start, end = _span(call, UPDATED_REACH)
    rows = _rows(call, start, end, deleted=False)
    return Answer(200, {"ids": [row[0] for row in rows], "latestDateCovered": _covered(call, end)})


def deleted(call: Call) -> Answer:
    """GET /sobjects/{object}/deleted"""
    start, end = _span(call, DELETED_REACH)
    rows = _rows(call, start, end, deleted=True)
    oldest = (call.now - DELETED_REACH).replace(second=0, microsecond=0)
    return Answer(
        200,
        {
            "deletedRecords": [{"id": i, "deletedDate": rest_datetime(at)} for i, at in rows],
            "earliestDateAvailable": rest_datetime(oldest),
            "latestDateCovered": _covered(call, end),
        },
    )


def _rows(
    call: Call, start: datetime, end: datetime, *, deleted: bool
) -> list[tuple[str, datetime]]:
    sobject = call.sobject
    if not sobject.flags.get("replicateable") or not sobject.has_rows:
        raise ApiError(
            400, "INVALID_TYPE_FOR_OPERATION", f"object type {sobject.name} is not replicable"
        )
    call.org.settle()
    stamp = quoted(_stamp_field(sobject))
    with call.org.database.reader() as connection:
        rows = connection.execute(
            f'SELECT "Id", {stamp} FROM {quoted(sobject.name)} WHERE _deleted = ? '
            f'AND {stamp} >= ? AND {stamp} < ? ORDER BY {stamp}, "Id"',
            [deleted, start.replace(tzinfo=None), end.replace(tzinfo=None)],
        ).fetchall()
    if len(rows) > MOST_IDS:
        raise ApiError(
            400, "EXCEEDED_ID_LIMIT", f"more than {MOST_IDS} ids; ask for a shorter time"
        )
    return rows


def _stamp_field(sobject: SObject) -> str:
    for name in ("SystemModstamp", "LastModifiedDate", "CreatedDate"):
        if name in sobject.fields:
            return name
    raise ApiError(
        400, "INVALID_TYPE_FOR_OPERATION", f"object type {sobject.name} is not replicable"
    )


def _span(call: Call, reach: timedelta) -> tuple[datetime, datetime]:
    # Seconds are cut to the minute [rest guide].
    start, end = (_moment(call, name).replace(second=0, microsecond=0) for name in ("start", "end"))
    if end <= start:
        raise ApiError(
            400,
            "INVALID_REPLICATION_DATE",
            "endDate must be at least one minute greater than startDate",
        )
    if start < call.now - reach:
        raise ApiError(
            400,
            "INVALID_REPLICATION_DATE",
            f"startDate cannot be more than {reach.days} days ago",
        )
    return start, end


def _moment(call: Call, name: str) -> datetime:
    # A plus sign that wasn't encoded [rest guide] arrives as a space, and is refused as such.
    try:
        return parse_datetime(call.query[name])
    except KeyError:
        raise ApiError(400, "MISSING_ARGUMENT", f"The {name} parameter is required") from None
    except ValueError:
        raise ApiError(
            400, "INVALID_REPLICATION_DATE", f"invalid date: {call.query[name]}"
        ) from None


def _covered(call: Call, end: datetime) -> str:
    """The next start: what open transactions may still fill lies after it [rest guide]."""
    safe = call.now - timedelta(minutes=1)
    still_open = call.org.rows.oldest_open()
    latest = min(end, safe, still_open) if still_open else min(end, safe)
    return rest_datetime(latest.replace(second=0, microsecond=0))
