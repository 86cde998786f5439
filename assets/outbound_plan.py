"""Decides whether a load can be sent as it is mapped, before a single row is: by describe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assets.load_spec import LoadSpec
from assets.spelling import nearest
from resources.salesforce.describe import SObjectDescribe
from resources.salesforce.load_columns import LoadColumn


@dataclass(frozen=True)
class MappingProblem:
    """Why no row can be sent as it is mapped."""

    field: str
    problem: str

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}"


@dataclass(frozen=True)
class MappingVerdict:
    """What is wrong, and what may go wrong for some rows."""

    problems: tuple[MappingProblem, ...]
    warnings: tuple[str, ...]


def source_columns(
    spec: LoadSpec, query_columns: Sequence[str]
) -> tuple[dict[str, str], list[MappingProblem]]:
    """The query's column of each mapped field, as the warehouse spells it, and those it lacks.

    Warehouses differ in the case they give to names, so another case will do if it's clear.
    """
    by_lower: dict[str, list[str]] = {}
    for name in query_columns:
        by_lower.setdefault(name.lower(), []).append(name)
    found: dict[str, str] = {}
    problems = []
    for one in spec.fields:
        alike = by_lower.get(one.column.lower(), [])
        if one.column in query_columns:
            found[one.name] = one.column
        elif len(alike) == 1:
            found[one.name] = alike[0]
        else:
            near = nearest(one.column, query_columns)
            hint = f"; did you mean {near}" if near else f"; it has {', '.join(query_columns)}"
            problems.append(MappingProblem(one.name, f"the query has no column {one.column}{hint}"))
    return found, problems


def judge_mapping(
    spec: LoadSpec, describe: SObjectDescribe, columns: Sequence[LoadColumn]
) -> MappingVerdict:
    """Object, fields and external id against describe."""
    return MappingVerdict(
        problems=(
            *_object_problems(spec, describe),
            *(problem for column in columns for problem in _field_problems(spec, column)),
            *_key_problems(spec, columns),
            *_unmapped_required(spec, describe, columns),
        ),
        warnings=tuple(_warnings(spec, describe, columns)),
    )


def folds_keys(spec: LoadSpec, columns: Sequence[LoadColumn]) -> bool:
    """Whether keys that differ in case alone name one record; Ids are told apart by case."""
    if spec.key_field in (None, "Id"):
        return False
    [key] = [column for column in columns if column.name == spec.key_field]
    return not key.field.case_sensitive


def required_columns(spec: LoadSpec, columns: Sequence[LoadColumn]) -> tuple[str, ...]:
    """Columns that need a value in each row: an upsert or update may leave the field alone."""
    if spec.operation != "insert":
        return ()
    return tuple(column.name for column in columns if column.field.required_on_create)


def _object_problems(spec: LoadSpec, describe: SObjectDescribe) -> Iterator[MappingProblem]:
    summary = describe.summary
    needed = {
        "insert": [("created", summary.createable)],
        "update": [("changed", summary.updateable)],
        "upsert": [("created", summary.createable), ("changed", summary.updateable)],
        "delete": [("deleted", summary.deletable)],
        "hard_delete": [("deleted", summary.deletable)],
    }[spec.operation]
    for what, allowed in needed:
        if not allowed:
            problem = f"records can't be {what} by this user; give its permission set that right"
            yield MappingProblem(describe.name, problem)


def _field_problems(spec: LoadSpec, column: LoadColumn) -> Iterator[MappingProblem]:
    field = column.field
    if field.name == "Id":
        if spec.operation == "upsert" and spec.external_id != "Id":
            problem = f"can't be sent by an upsert that finds records by {spec.external_id}"
            yield MappingProblem(column.name, problem)
        return
    writable = {
        "insert": field.createable,
        "update": field.updateable,
        "upsert": field.createable or field.updateable,
    }.get(spec.operation, True)
    if not writable:
        yield MappingProblem(column.name, _why_read_only(column))


def _why_read_only(column: LoadColumn) -> str:
    field = column.field
    if field.calculated:
        return "is a formula or a roll-up, which the org works out itself"
    if field.auto_number:
        return "is a number that the org gives"
    return (
        "can't be written by this user: the field is read-only, or field-level security doesn't "
        "give edit access"
    )


def _key_problems(spec: LoadSpec, columns: Sequence[LoadColumn]) -> Iterator[MappingProblem]:
    if spec.operation != "upsert" or spec.external_id in (None, "Id"):
        return
    for column in columns:
        field = column.field
        if column.name == spec.external_id and not (field.external_id or field.id_lookup):
            problem = (
                "isn't an external id, so that the org can't find records by it: mark it as "
                "External ID in Setup, or use another field"
            )
            yield MappingProblem(column.name, problem)


def _unmapped_required(
    spec: LoadSpec, describe: SObjectDescribe, columns: Sequence[LoadColumn]
) -> Iterator[MappingProblem]:
    if spec.operation == "insert":
        for name in _missing_required(describe, columns):
            yield MappingProblem(name, "every new record needs it, and it isn't mapped")


def _warnings(
    spec: LoadSpec, describe: SObjectDescribe, columns: Sequence[LoadColumn]
) -> Iterator[str]:
    if spec.operation != "upsert":
        return
    missing = _missing_required(describe, columns)
    if missing:
        yield (
            f"New records of {describe.name} need {', '.join(missing)}, which aren't mapped: rows "
            "without a record in the org will be refused."
        )
    for column in columns:
        field = column.field
        if field.name == "Id" or column.name == spec.external_id:
            continue
        if field.createable and not field.updateable:
            yield (
                f"{column.name} can be set on new records only: rows of existing ones will be "
                "refused."
            )
        elif field.updateable and not field.createable:
            yield f"{column.name} can't be set on new records: such rows will be refused."


def _missing_required(describe: SObjectDescribe, columns: Sequence[LoadColumn]) -> list[str]:
    mapped = {column.field.name for column in columns}
    return [field.name for field in describe.required_on_create if field.name not in mapped]
