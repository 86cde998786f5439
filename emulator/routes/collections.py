"""sObject collections: up to 200 rows by one call, each with its own outcome [nango] [amp]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.answer import Answer
from emulator.call import Call
from emulator.errors import ApiError, not_found
from emulator.ids import is_valid, to_18
from emulator.rest import saving
from emulator.rest.saving import Given, Saved
from emulator.rest.soql_query import compiled
from emulator.schema.model import SObject

MOST_ROWS = 200
MOST_RETRIEVED = 2000


def create(call: Call) -> Answer:
    """POST /composite/sobjects"""
    body = call.json_object()
    saved = saving.create(call, _rows(call, body), all_or_none=_all_or_none(body))
    return Answer(200, [_as_json(one) for one in saved])


def update(call: Call) -> Answer:
    """PATCH /composite/sobjects"""
    body = call.json_object()
    saved = saving.update(call, _rows(call, body), all_or_none=_all_or_none(body))
    return Answer(200, [_as_json(one) for one in saved])


def upsert(call: Call) -> Answer:
    """PATCH /composite/sobjects/{object}/{field}"""
    sobject, name = call.sobject, call.arguments["field"]
    key = sobject.field(name)
    if key is None or not (key.external_id or key.id_lookup):
        raise not_found(f"Provided external ID field does not exist or is not accessible: {name}")
    body = call.json_object()
    rows = _rows(call, body)
    if any(row.sobject is not sobject for row in rows):
        raise ApiError(400, "INVALID_TYPE", f"All records must be of type {sobject.name}", [])
    saved = saving.upsert(call, rows, key, all_or_none=_all_or_none(body))
    # `created` stands in refused ones, too [nango] [amp].
    return Answer(200, [_as_json(one) | {"created": one.created} for one in saved])


def delete(call: Call) -> Answer:
    """DELETE /composite/sobjects?ids=…"""
    ids = _split(call.query.get("ids", ""))
    _check_count(ids, MOST_ROWS)
    all_or_none = call.query.get("allOrNone", "").lower() == "true"
    saved = saving.delete(call, ids, all_or_none=all_or_none)
    return Answer(200, [_as_json(one) for one in saved])


def retrieve(call: Call) -> Answer:
    """GET /composite/sobjects/{object}?ids=…&fields=…"""
    query = call.query
    return _retrieve(call, _split(query.get("ids", "")), _split(query.get("fields", "")))


def retrieve_posted(call: Call) -> Answer:
    """POST /composite/sobjects/{object} with `ids` and `fields`"""
    body = call.json_object()
    return _retrieve(call, _texts(body, "ids"), _texts(body, "fields"))


def _retrieve(call: Call, ids: Sequence[str], fields: Sequence[str]) -> Answer:
    _check_count(ids, MOST_RETRIEVED)
    if not fields:
        raise ApiError(400, "REQUIRED_FIELD_MISSING", "At least 1 field is required")
    wrong = next((one for one in ids if not is_valid(one)), None)
    if wrong is not None:
        raise ApiError(400, "MALFORMED_ID", f"malformed id {wrong}")
    call.org.settle()
    wanted = [to_18(one) for one in ids]
    found = _records(call, call.sobject, sorted(set(wanted)), fields)
    # A row that is missing or deleted is null in its place [rest guide].
    return Answer(200, [found.get(one) for one in wanted])


def _records(
    call: Call, sobject: SObject, ids: Sequence[str], fields: Sequence[str]
) -> Mapping[str, Any]:
    names = list(fields)
    if not any(name.lower() == "id" for name in names):
        names.append("Id")
    listed = ", ".join(f"'{one}'" for one in ids)
    soql = f"SELECT {', '.join(names)} FROM {sobject.name} WHERE Id IN ({listed})"
    query = compiled(call, soql, include_deleted=False)
    with call.org.database.reader() as connection:
        rows = connection.execute(query.sql, query.params).fetchall()
    return {record["Id"]: record for record in query.records(rows, call.base_path)}


def _rows(call: Call, body: Mapping[str, Any]) -> list[Given]:
    records = body.get("records", [])
    if not isinstance(records, list):
        raise ApiError(400, "JSON_PARSER_ERROR", "`records` is a list of objects")
    _check_count(records, MOST_ROWS)
    return [_row(call, record) for record in records]


def _row(call: Call, record: Any) -> Given:
    attributes = record.get("attributes") if isinstance(record, dict) else None
    name = attributes.get("type") if isinstance(attributes, dict) else None
    if not isinstance(name, str):
        raise ApiError(400, "INVALID_FIELD", "Each record needs attributes with a type")
    sobject = call.org.schema.object(name)
    if sobject is None:
        raise not_found()
    return Given(sobject, {key: value for key, value in record.items() if key != "attributes"})


def _check_count(rows: Sequence[Any], most: int) -> None:
    if not rows:
        raise ApiError(400, "REQUIRED_FIELD_MISSING", "At least 1 record is required")
    if len(rows) > most:
        raise ApiError(
            400,
            "EXCEEDED_ID_LIMIT",
            f"record limit reached. cannot submit more than {most} records into this call",
        )


def _all_or_none(body: Mapping[str, Any]) -> bool:
    given = body.get("allOrNone", False)
    return given is True or (isinstance(given, str) and given.lower() == "true")


def _as_json(saved: Saved) -> dict[str, Any]:
    if saved.error is None:
        return {"id": saved.id, "success": True, "errors": []}
    error = saved.error
    # `statusCode` here, not `errorCode`, and no `id` [nango] [amp].
    shown = {
        "statusCode": error.code,
        "message": error.message,
        "fields": list(error.fields or ()),
    }
    return {"success": False, "errors": [shown]}


def _split(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _texts(body: Mapping[str, Any], name: str) -> list[str]:
    given = body.get(name, [])
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise ApiError(400, "JSON_PARSER_ERROR", f"`{name}` is a list of texts")
    return given
