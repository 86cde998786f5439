"""One transaction's changes to one object, checked before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from emulator.errors import ApiError, not_found
from emulator.ids import is_valid, to_18
from emulator.schema.model import Schema, SObject
from emulator.store.database import Connection
from emulator.store.lookups import Errors, duplicates, missing_references, row_states
from emulator.store.numbers import Numbers
from emulator.store.rows_plan import Columns, check_required, columns_of, default_columns
from emulator.store.validation import broken_rules
from emulator.store.values import stored_datetime

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """What a caller asks to change.

    Attributes:
        stamp: SystemModstamp of every row that is written (LastModifiedDate, too; at create also
            CreatedDate).
        origin: Through which API, as its change events tell it (`events.origins`).
        internal: Written by the controls: fields that the API can't set may be set.
    """

    sobject: SObject
    user_id: str
    stamp: datetime
    create: Sequence[Row] = ()
    update: Sequence[Row] = ()
    delete: Sequence[str] = ()
    undelete: Sequence[str] = ()
    purge: Sequence[str] = ()
    internal: bool = False
    origin: str = ""


@dataclass(eq=False)
class Plan:
    """Checked changes, ready to be written.

    Attributes:
        ids: Ids of the created rows, then of the updated, deleted, undeleted and purged ones;
            None for a refused one.
        errors: By the same numbers, why a row is refused; it isn't written.
    """

    sobject: SObject
    user_id: str
    stamp: datetime
    ids: list[str | None] = field(default_factory=list)
    errors: Errors = field(default_factory=dict)
    inserts: list[Columns] = field(default_factory=list)
    updates: list[tuple[str, Columns]] = field(default_factory=list)
    deletes: list[str] = field(default_factory=list)
    undeletes: list[str] = field(default_factory=list)
    purges: list[str] = field(default_factory=list)

    @property
    def touched(self) -> set[str]:
        """Ids of rows that exist before and are written."""
        return {i for i, _ in self.updates} | {*self.deletes, *self.undeletes, *self.purges}

    def refuse(self, ids: set[str], error: ApiError) -> None:
        """Don't write these rows after all."""
        for number, record_id in enumerate(self.ids):
            if record_id in ids:
                self.errors.setdefault(number, error)
        self.updates = [one for one in self.updates if one[0] not in ids]
        for rows in (self.deletes, self.undeletes, self.purges):
            rows[:] = [one for one in rows if one not in ids]


def plan(connection: Connection, schema: Schema, numbers: Numbers, request: Request) -> Plan:
    """Check every row of the request against the schema and the rows that are there."""
    sobject = request.sobject
    result = Plan(sobject, request.user_id, request.stamp)
    creates = _check_creates(schema, request, result)
    updates = _check_updates(connection, schema, request, result)
    given = [(number, columns) for number, columns in creates]
    given += [(number, columns) for number, _, columns in updates]
    _merge(result.errors, missing_references(connection, schema, sobject, given))
    keyed = [(number, f"new {number}", columns) for number, columns in creates] + updates
    _merge(result.errors, duplicates(connection, sobject, keyed))
    if not request.internal:
        rules = broken_rules(connection, sobject, creates, updates, request.user_id)
        _merge(result.errors, rules)
    for number, columns in creates:
        if number not in result.errors:
            record_id = numbers.next_id(connection, sobject)
            result.ids[number] = record_id
            result.inserts.append(_full_row(connection, numbers, result, record_id, columns))
    for number, record_id, columns in updates:
        if number not in result.errors:
            result.updates.append((record_id, columns))
    _check_deletes(connection, request, result)
    return result


def _check_creates(schema: Schema, request: Request, result: Plan) -> list[tuple[int, Columns]]:
    good = []
    for record in request.create:
        number = len(result.ids)
        result.ids.append(None)
        try:
            if _given_id(record):
                raise _id_in_insert()
            columns = _columns(schema, request, record, creating=True)
        except ApiError as error:
            result.errors[number] = error
        else:
            good.append((number, columns))
    return good


def _check_updates(
    connection: Connection, schema: Schema, request: Request, result: Plan
) -> list[tuple[int, str, Columns]]:
    read: list[tuple[int, str, Columns]] = []
    for record in request.update:
        number = len(result.ids)
        result.ids.append(None)
        try:
            record_id = _id_of(record)
            columns = _columns(schema, request, record, creating=False)
        except ApiError as error:
            result.errors[number] = error
        else:
            result.ids[number] = record_id
            read.append((number, record_id, columns))
    states = row_states(connection, request.sobject, [record_id for _, record_id, _ in read])
    good = []
    for number, record_id, columns in read:
        deleted = states.get(record_id)
        if deleted is None:
            result.errors[number] = not_found()
        elif deleted:
            result.errors[number] = entity_is_deleted()
        else:
            good.append((number, record_id, columns))
    return good


def _columns(schema: Schema, request: Request, record: Row, *, creating: bool) -> Columns:
    columns = columns_of(
        schema, request.sobject, record, creating=creating, internal=request.internal
    )
    check_required(request.sobject, columns, creating=creating)
    return columns


def _check_deletes(connection: Connection, request: Request, result: Plan) -> None:
    kinds = (
        (request.delete, result.deletes),
        (request.undelete, result.undeletes),
        (request.purge, result.purges),
    )
    for asked, accepted in kinds:
        ids = []
        for text in asked:
            ids.append((len(result.ids), text))
            result.ids.append(None)
        states = row_states(
            connection, request.sobject, [to_18(text) for _, text in ids if is_valid(text)]
        )
        for number, text in ids:
            if not is_valid(text):
                result.errors[number] = ApiError(400, "MALFORMED_ID", f"malformed id {text}", [])
                continue
            record_id = result.ids[number] = to_18(text)
            deleted = states.get(record_id)
            if deleted is None:
                result.errors[number] = not_found()
            elif deleted and accepted is result.deletes:
                result.errors[number] = entity_is_deleted()
            elif not deleted and accepted is result.undeletes:
                result.errors[number] = ApiError(
                    400, "UNDELETE_FAILED", "Entity is not in the recycle bin", []
                )
            else:
                accepted.append(record_id)
                # Rows are taken in their order: an Id that comes again meets what the first made.
                if accepted is result.purges:
                    del states[record_id]
                else:
                    states[record_id] = accepted is result.deletes


def _full_row(
    connection: Connection, numbers: Numbers, result: Plan, record_id: str, columns: Columns
) -> Columns:
    sobject = result.sobject
    row = default_columns(sobject, result.user_id) | columns
    for one in sobject.stored_fields:
        if one.auto_number and row.get(one.name) is None:
            row[one.name] = numbers.next_auto_number(connection, sobject, one)
    stamp = stored_datetime(result.stamp)
    audit: Columns = {
        "Id": record_id,
        "IsDeleted": "false",
        "CreatedDate": stamp,
        "CreatedById": result.user_id,
        "LastModifiedDate": stamp,
        "LastModifiedById": result.user_id,
        "SystemModstamp": stamp,
    }
    row |= {name: text for name, text in audit.items() if name in sobject.fields}
    return row | {"_deleted": "false"}


def _id_of(record: Row) -> str:
    given = _given_id(record)
    if not given:
        raise ApiError(400, "MISSING_ARGUMENT", "Id not specified in an update call", [])
    if not isinstance(given, str) or not is_valid(given):
        raise ApiError(400, "MALFORMED_ID", f"malformed id {given}", [])
    return to_18(given)


def _given_id(record: Row) -> Any:
    return next((value for name, value in record.items() if name.lower() == "id"), None)


def _id_in_insert() -> ApiError:
    return ApiError(
        400, "INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ["Id"]
    )


def _merge(errors: Errors, more: Errors) -> None:
    for number, error in more.items():
        errors.setdefault(number, error)


def entity_is_deleted() -> ApiError:
    """The answer for a row in the recycle bin (recorded: HTTP 404, fields [])."""
    return ApiError(404, "ENTITY_IS_DELETED", "entity is deleted", [])
