"""Allowances and record counts."""

from __future__ import annotations

from emulator.answer import Answer
from emulator.call import Call
from emulator.errors import not_found
from emulator.schema.columns import quoted


def show_limits(call: Call) -> Answer:
    """GET /limits"""
    return Answer(200, call.org.limits.as_json(call.version))


def record_count(call: Call) -> Answer:
    """GET /limits/recordCount. Objects without rows are left out, as recorded."""
    call.org.settle()
    asked = [name for name in call.query.get("sObjects", "").split(",") if name]
    counts = []
    with call.org.database.reader() as connection:
        for name in asked or call.org.schema.objects:
            sobject = call.org.schema.object(name)
            if sobject is None:
                raise not_found()
            if not sobject.has_rows:
                continue
            row = connection.execute(
                f"SELECT count(*) FROM {quoted(sobject.name)} WHERE NOT _deleted"
            ).fetchone()
            if row and row[0]:
                counts.append({"count": row[0], "name": sobject.name})
    return Answer(200, {"sObjects": counts})
