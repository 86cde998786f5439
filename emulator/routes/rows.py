"""Single rows: read, create, update, delete, upsert."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from emulator.answer import NO_CONTENT, Answer, Blob
from emulator.call import Call
from emulator.errors import ApiError, not_found
from emulator.ids import is_valid, to_18
from emulator.rest.parents import with_parents
from emulator.rest.row_locks import lock_error, lock_share
from emulator.rest.soql_query import compiled
from emulator.routes import platform_events
from emulator.schema.columns import quoted
from emulator.schema.model import Field, SObject
from emulator.store.changes import Request, entity_is_deleted
from emulator.store.lookups import row_states, rows_with_value
from emulator.timestamps import http_date, parse_datetime

# An update through upsert answers 200 with a body from this version on, 204 before [nango]
# [bulk guide] [restforce].
UPSERT_BODY_SINCE = 46.0


def read(call: Call) -> Answer:
    """GET /sobjects/{object}/{id}"""
    return _read(call, _existing_id(call, call.arguments["id"]))


def read_by_external_id(call: Call) -> Answer:
    """GET /sobjects/{object}/{field}/{value}, or /{id}/{field} for the content of a blob"""
    blob = call.sobject.field(call.arguments["value"])
    if blob is not None and blob.type == "base64" and is_valid(call.arguments["field"]):
        return _read_blob(call, _existing_id(call, call.arguments["field"]), blob)
    ids = _ids_with_value(call, _key_field(call), call.arguments["value"])
    if not ids:
        raise not_found()
    return _several(call, ids) if len(ids) > 1 else _read(call, ids[0])


def create(call: Call) -> Answer:
    """POST /sobjects/{object}"""
    sobject = call.sobject
    if sobject.kind == "platform_event":
        return platform_events.publish(call, sobject)
    _refuse_unless(sobject, "createable", "POST")
    return _created(call, _change(call, create=[call.json_object()])[0])


def create_by_id(call: Call) -> Answer:
    """POST /sobjects/{object}/Id: an upsert by Id of a row that has none yet.

    Sources: [bulk guide] [nango].
    """
    if call.arguments["id"].lower() != "id":
        raise not_found()
    return create(call)


def update(call: Call) -> Answer:
    """PATCH /sobjects/{object}/{id}"""
    record_id = _existing_id(call, call.arguments["id"])
    _refuse_unless(call.sobject, "updateable", "PATCH")
    body = call.json_object()
    if any(name.lower() == "id" for name in body):
        raise ApiError(
            400, "INVALID_FIELD", "The Id field should not be specified in the sobject data."
        )
    _change(call, update=[body | {"Id": record_id}])
    return NO_CONTENT


def delete(call: Call) -> Answer:
    """DELETE /sobjects/{object}/{id}"""
    record_id = _existing_id(call, call.arguments["id"])
    _refuse_unless(call.sobject, "deletable", "DELETE")
    _change(call, delete=[record_id])
    return NO_CONTENT


def upsert(call: Call) -> Answer:
    """PATCH /sobjects/{object}/{field}/{value}"""
    field, value, body = _key_field(call), call.arguments["value"], call.json_object()
    if field.type == "id":
        _change(call, update=[body | {"Id": _existing_id(call, value)}])
        return _upsert_updated(call, to_18(value))
    if any(name.lower() == field.name.lower() for name in body):
        raise ApiError(
            400,
            "INVALID_FIELD",
            f"The {field.name} field should not be specified in the sobject data.",
        )
    ids = _ids_with_value(call, field, value)
    if len(ids) > 1:
        return _several(call, ids)
    if ids:
        _change(call, update=[body | {"Id": ids[0]}])
        return _upsert_updated(call, ids[0])
    if call.query.get("updateOnly", "").lower() == "true":
        raise not_found()
    made = _change(call, create=[body | {field.name: value}])[0]
    return _created(call, made, {"created": True})


def _read(call: Call, record_id: str) -> Answer:
    sobject = call.sobject
    asked = [name.strip() for name in call.query.get("fields", "").split(",") if name.strip()]
    names = asked or [one.name for one in sobject.fields.values()]
    if not any(name.lower() == "id" for name in names):
        # The Id comes with every row, asked for or not [rest guide].
        names = [*names, "Id"]
    soql = f"SELECT {', '.join(names)} FROM {sobject.name} WHERE Id = '{record_id}'"
    found = compiled(call, soql, include_deleted=True)
    with call.org.database.reader() as connection:
        rows = connection.execute(found.sql, found.params).fetchall()
    records = found.records(rows, call.base_path)
    if not records:
        raise not_found()
    return Answer(200, records[0], _row_headers(records[0]))


def _read_blob(call: Call, record_id: str, field: Field) -> Answer:
    with call.org.database.reader() as connection:
        row = connection.execute(
            f'SELECT {quoted(field.name)} FROM {quoted(call.sobject.name)} WHERE "Id" = ?',
            [record_id],
        ).fetchone()
    if row is None or row[0] is None:
        raise not_found()
    return Answer(200, Blob(base64.b64decode(row[0])))


def _row_headers(record: dict[str, Any]) -> dict[str, str]:
    digest = hashlib.sha256(json.dumps(record).encode()).hexdigest()[:8]
    changed = record.get("LastModifiedDate")
    headers = {"ETag": f'"{digest}--gzip"'}
    return headers | ({"Last-Modified": http_date(parse_datetime(changed))} if changed else {})


def _existing_id(call: Call, text: str) -> str:
    """The Id of a row that is there.

    Raises:
        ApiError: The text isn't an Id, or there is no such row, or it is deleted.
    """
    sobject = call.sobject
    if not is_valid(text) or not sobject.has_rows:
        raise not_found(f"Provided external ID field does not exist or is not accessible: {text}")
    call.org.settle()
    record_id = to_18(text)
    with call.org.database.reader() as connection:
        deleted = row_states(connection, sobject, [record_id]).get(record_id)
    if deleted is None:
        raise not_found()
    if deleted:
        raise entity_is_deleted()
    return record_id


def _key_field(call: Call) -> Field:
    name = call.arguments["field"]
    field = call.sobject.field(name)
    if field is None or not (field.external_id or field.id_lookup):
        raise not_found(f"Provided external ID field does not exist or is not accessible: {name}")
    return field


def _ids_with_value(call: Call, field: Field, value: str) -> list[str]:
    call.org.settle()
    if not value:
        raise ApiError(400, "MISSING_ARGUMENT", f"{field.name} not specified", [])
    with call.org.database.reader() as connection:
        found = rows_with_value(connection, call.sobject, field, [value])
    return [record_id for _, record_id in found]


def _several(call: Call, ids: list[str]) -> Answer:
    return Answer(300, [_row_url(call, record_id) for record_id in ids])


def _created(call: Call, record_id: str | None, more: dict[str, Any] | None = None) -> Answer:
    assert record_id is not None
    body = {"id": record_id, "success": True, "errors": []} | (more or {})
    return Answer(201, body, {"Location": _row_url(call, record_id)})


def _upsert_updated(call: Call, record_id: str) -> Answer:
    if call.version < UPSERT_BODY_SINCE:
        return NO_CONTENT
    body = {"id": record_id, "success": True, "errors": [], "created": False}
    # A Location header here, too [nango].
    return Answer(200, body, {"Location": _row_url(call, record_id)})


def _row_url(call: Call, record_id: str) -> str:
    return f"{call.base_path}/sobjects/{call.sobject.name}/{record_id}"


def _change(call: Call, **changes: Any) -> list[str | None]:
    """Create, update or delete one row, as the keyword says; its Id in a list."""
    org, now = call.org, call.org.settle()
    share = lock_share(call, call.objects())
    if share and org.faults.strikes(share):
        raise lock_error(call.arguments.get("id", ""))

    def work() -> list[str | None]:
        ready: dict[str, Any] = {k: _with_parents(call, rows) for k, rows in changes.items()}
        return org.rows.change(
            Request(
                call.sobject,
                call.user.user_id,
                now.replace(microsecond=0),
                origin=call.origin,
                **ready,
            )
        )

    nested = any(isinstance(v, dict) for rows in changes.values() for r in rows for v in _values(r))
    return org.rows.transaction(work) if nested else work()


def _values(row: Any) -> list[Any]:
    return list(row.values()) if isinstance(row, dict) else []


def _with_parents(call: Call, rows: list[Any]) -> list[Any]:
    if not all(isinstance(row, dict) for row in rows):
        return rows
    with call.org.database.reader() as connection:
        flat, errors = with_parents(connection, call.org.schema, call.sobject, rows)
    if errors:
        raise errors[min(errors)]
    return flat


def _refuse_unless(sobject: SObject, flag: str, method: str) -> None:
    if not sobject.flags.get(flag) or not sobject.has_rows:
        raise ApiError(
            405,
            "METHOD_NOT_ALLOWED",
            f"HTTP Method '{method}' not allowed. Allowed are HEAD,GET",
        )
