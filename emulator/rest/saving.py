"""Many rows saved by one call, each with its own outcome: what collections do.

Rows are taken in chunks of one object [rest guide]; all chunks of a call are one transaction.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from emulator.errors import ApiError
from emulator.ids import is_valid
from emulator.rest.parents import Row, key_text, several_matches, with_parents
from emulator.rest.row_locks import lock_error, lock_share
from emulator.schema.model import Field, SObject
from emulator.store.changes import Request
from emulator.store.database import Connection
from emulator.store.lookups import Errors, rows_with_value

if TYPE_CHECKING:
    from emulator.call import Call

MOST_CHUNKS = 10

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Given:
    """One row of a call: of which object, and its fields as the body gives them."""

    sobject: SObject
    fields: Fields


@dataclass(frozen=True)
class Saved:
    """What became of one row. A refused one has an error and no Id."""

    id: str | None = None
    created: bool = False
    error: ApiError | None = None


def create(call: Call, rows: Sequence[Given], *, all_or_none: bool) -> list[Saved]:
    """Create rows; the outcomes in their order."""

    def save(sobject: SObject, chunk: Sequence[Fields]) -> list[Saved]:
        return _write(call, sobject, chunk, range(len(chunk)))

    return _in_chunks(call, rows, save, all_or_none)


def update(call: Call, rows: Sequence[Given], *, all_or_none: bool) -> list[Saved]:
    """Update rows by their Ids; the outcomes in their order."""

    def save(sobject: SObject, chunk: Sequence[Fields]) -> list[Saved]:
        return _write(call, sobject, chunk, ())

    return _in_chunks(call, rows, save, all_or_none)


def upsert(call: Call, rows: Sequence[Given], key: Field, *, all_or_none: bool) -> list[Saved]:
    """Create the rows whose key no row has, update the others; the outcomes in their order."""

    def save(sobject: SObject, chunk: Sequence[Fields]) -> list[Saved]:
        with call.org.database.reader() as connection:
            found, errors = _by_key(connection, sobject, key, chunk)
        new = [number for number, row in enumerate(found) if not row.get("Id")]
        return _write(call, sobject, found, new, errors)

    return _in_chunks(call, rows, save, all_or_none)


def delete(call: Call, ids: Sequence[str], *, all_or_none: bool) -> list[Saved]:
    """Delete rows of any objects by their Ids; the outcomes in their order."""

    def save(sobject: SObject, chunk: Sequence[Fields]) -> list[Saved]:
        return _change(call, sobject, "deletable", delete=[str(row["Id"]) for row in chunk])

    return _in_chunks(call, [_by_id(call, one) for one in ids], save, all_or_none)


def _by_id(call: Call, text: str) -> Given | ApiError:
    if not is_valid(text):
        return ApiError(400, "MALFORMED_ID", f"malformed id {text}", [])
    sobject = call.org.schema.by_prefix(text)
    return _invalid_reference() if sobject is None else Given(sobject, {"Id": text})


def _in_chunks(
    call: Call,
    rows: Sequence[Given | ApiError],
    save: Callable[[SObject, Sequence[Fields]], list[Saved]],
    all_or_none: bool,
) -> list[Saved]:
    good = [row for row in rows if isinstance(row, Given)]
    chunks = [list(chunk) for _, chunk in groupby(good, key=lambda row: row.sobject.name)]
    if len(chunks) > MOST_CHUNKS:
        raise ApiError(
            400,
            "LIMIT_EXCEEDED",
            "Cannot have more than 10 chunks in a single operation. Please rearrange the data to "
            "reduce chunking.",
        )
    call.org.settle()
    share = lock_share(call, {row.sobject.name.lower() for row in good})

    def save_chunk(chunk: Sequence[Given]) -> list[Saved]:
        locked = [bool(share) and call.org.faults.strikes(share) for _ in chunk]
        free = [row.fields for row, held in zip(chunk, locked, strict=True) if not held]
        saved = iter(save(chunk[0].sobject, free))
        return [Saved(error=lock_error("")) if held else next(saved) for held in locked]

    def work() -> list[Saved]:
        done = iter([one for chunk in chunks for one in save_chunk(chunk)])
        saved = [Saved(error=r) if isinstance(r, ApiError) else next(done) for r in rows]
        if all_or_none and any(one.error for one in saved):
            call.org.rows.roll_back()
            return [one if one.error else Saved(error=_rolled_back()) for one in saved]
        return saved

    return call.org.rows.transaction(work)


def _by_key(
    connection: Connection, sobject: SObject, key: Field, rows: Sequence[Fields]
) -> tuple[list[Row], Errors]:
    """The rows with the Ids that they have by now, and by number those whose key won't do."""
    errors: Errors = {}
    values: dict[int, str] = {}
    for number, row in enumerate(rows):
        try:
            values[number] = key_text(_value_of(row, key.name))
        except ApiError as error:
            errors[number] = error
    if key.type == "id":
        # Without an Id the row is created (recorded: TestUpsert of CumulusCI).
        return [_with_id(row, values.get(n, "")) for n, row in enumerate(rows)], errors
    found: dict[str, list[str]] = defaultdict(list)
    wanted = sorted({value for value in values.values() if value})
    for value, record_id in rows_with_value(connection, sobject, key, wanted):
        found[value].append(record_id)
    often = Counter(_same(key, value) for value in values.values() if value)
    for number, value in values.items():
        if not value:
            errors[number] = ApiError(400, "MISSING_ARGUMENT", f"{key.name} not specified", [])
        elif often[_same(key, value)] > 1:
            errors[number] = _twice_in_call(value)
        elif len(found[value]) > 1:
            errors[number] = several_matches(found[value])
    return [_with_id(row, _only(found, values.get(n))) for n, row in enumerate(rows)], errors


def _value_of(row: Fields, name: str) -> Any:
    return next((value for key, value in row.items() if key.lower() == name.lower()), None)


def _with_id(row: Fields, record_id: str) -> Row:
    rest = {name: value for name, value in row.items() if name.lower() != "id"}
    return rest | {"Id": record_id} if record_id else rest


def _only(found: Mapping[str, Sequence[str]], value: str | None) -> str:
    ids = found.get(value, ()) if value is not None else ()
    return ids[0] if len(ids) == 1 else ""


def _same(key: Field, value: str) -> str:
    return value if key.case_sensitive else value.lower()


def _write(
    call: Call,
    sobject: SObject,
    rows: Sequence[Fields],
    new: Iterable[int],
    errors: Errors | None = None,
) -> list[Saved]:
    """Create the rows whose numbers are in `new`, update the others; not those with errors."""
    creates = set(new)
    with call.org.database.reader() as connection:
        flat, unknown = with_parents(connection, call.org.schema, sobject, rows)
    refused = unknown | (errors or {})
    saved = {number: Saved(error=error) for number, error in refused.items()}
    good = [number for number in range(len(flat)) if number not in refused]
    for operation, flag in (("create", "createable"), ("update", "updateable")):
        numbers = [one for one in good if (one in creates) == (operation == "create")]
        done = _change(call, sobject, flag, **{operation: [flat[one] for one in numbers]})
        for number, outcome in zip(numbers, done, strict=True):
            made = operation == "create" and outcome.error is None
            saved[number] = replace(outcome, created=made)
    return [saved[number] for number in range(len(flat))]


def _change(call: Call, sobject: SObject, flag: str, **rows: Any) -> list[Saved]:
    """Create, update or delete rows, as the one keyword says."""
    (given,) = rows.values()
    if not given:
        return []
    if not sobject.flags.get(flag) or not sobject.has_rows:
        return [Saved(error=_not_allowed(sobject))] * len(given)
    stamp = call.now.replace(microsecond=0)
    plan = call.org.rows.change_each(
        Request(sobject, call.user.user_id, stamp, origin=call.origin, **rows)
    )
    return [
        Saved(error=_unknown_row(plan.errors[number])) if number in plan.errors else Saved(row_id)
        for number, row_id in enumerate(plan.ids)
    ]


def _unknown_row(error: ApiError) -> ApiError:
    """By path an unknown Id is NOT_FOUND, in a list it is an invalid cross reference [nango]."""
    return _invalid_reference() if error.code == "NOT_FOUND" else error


def _invalid_reference() -> ApiError:
    return ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])


def _not_allowed(sobject: SObject) -> ApiError:
    return ApiError(
        400,
        "INVALID_TYPE_FOR_OPERATION",
        f"entity type {sobject.name} does not support this operation",
        [],
    )


def _rolled_back() -> ApiError:
    return ApiError(
        400,
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "Record rolled back because not all records were valid and the request was using "
        "AllOrNone header",
        [],
    )


def _twice_in_call(value: str) -> ApiError:
    return ApiError(400, "DUPLICATE_VALUE", f"Duplicate external id specified: {value}", [])
