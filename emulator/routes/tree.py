"""Parents and their children in one body, created together or not at all [rest guide]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emulator.answer import Answer
from emulator.call import Call
from emulator.errors import ApiError
from emulator.rest import saving
from emulator.rest.saving import Given, Saved
from emulator.schema.model import SObject

MOST_ROWS, MOST_LEVELS, MOST_OBJECTS = 200, 5, 5


@dataclass(frozen=True)
class _Node:
    """One record of a tree: its place under `parent`, by the field that refers to it."""

    reference_id: str
    sobject: SObject
    fields: Mapping[str, Any]
    parent: str | None = None
    parent_field: str = ""
    children: list[_Node] = field(default_factory=list)


def create(call: Call) -> Answer:
    """POST /composite/tree/{object}"""
    records = call.json_object().get("records")
    roots = _read(call, call.sobject, {"records": records}, None, "", 1)
    levels = _levels(roots)
    nodes = [node for level in levels for node in level]
    _check(nodes)
    call.org.settle()
    saved = call.org.rows.transaction(lambda: _save(call, levels))
    failed = [node for node in nodes if node.reference_id in saved and _error(saved, node)]
    if failed:
        return Answer(400, {"hasErrors": True, "results": [_refusal(saved, n) for n in failed]})
    results = [{"referenceId": n.reference_id, "id": saved[n.reference_id].id} for n in nodes]
    return Answer(201, {"hasErrors": False, "results": results})


def _save(call: Call, levels: Sequence[Sequence[_Node]]) -> dict[str, Saved]:
    """What became of each record, by referenceId; levels under a refused one aren't begun."""
    saved: dict[str, Saved] = {}
    for level in levels:
        # Of one object in a row: fewer chunks.
        nodes = sorted(level, key=lambda node: node.sobject.name)
        rows = [Given(node.sobject, _row(saved, node)) for node in nodes]
        done = saving.create(call, rows, all_or_none=False)
        saved |= {node.reference_id: one for node, one in zip(nodes, done, strict=True)}
        if any(one.error for one in done):
            call.org.rows.roll_back()
            return saved
    return saved


def _row(saved: Mapping[str, Saved], node: _Node) -> Mapping[str, Any]:
    if node.parent is None:
        return node.fields
    return {**node.fields, node.parent_field: saved[node.parent].id}


def _read(
    call: Call, sobject: SObject, body: Any, parent: str | None, parent_field: str, level: int
) -> list[_Node]:
    records = body.get("records") if isinstance(body, dict) else None
    if not isinstance(records, list) or not records:
        raise ApiError(400, "REQUIRED_FIELD_MISSING", "At least 1 record is required")
    if level > MOST_LEVELS:
        raise _too_many(f"a tree has at most {MOST_LEVELS} levels")
    nodes = []
    for record in records:
        name, fields, nested = _read_one(sobject, record)
        node = _Node(name, sobject, fields, parent, parent_field)
        for relationship, children in nested.items():
            child = sobject.child(relationship)
            assert child is not None, "only child relationships are nested"
            target = call.org.schema.objects[child.child_object]
            node.children.extend(_read(call, target, children, name, child.field, level + 1))
        nodes.append(node)
    return nodes


def _read_one(sobject: SObject, record: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A record's referenceId, its fields, and what stands under its child relationships."""
    attributes = record.get("attributes") if isinstance(record, dict) else None
    if not isinstance(attributes, dict) or not isinstance(attributes.get("referenceId"), str):
        raise ApiError(
            400, "JSON_PARSER_ERROR", "Each record needs attributes with type and referenceId"
        )
    if str(attributes.get("type", "")).lower() != sobject.name.lower():
        raise ApiError(400, "INVALID_TYPE", f"Records here are of type {sobject.name}")
    rest = {name: value for name, value in record.items() if name != "attributes"}
    nested = {n: v for n, v in rest.items() if sobject.child(n) and isinstance(v, dict)}
    return attributes["referenceId"], {n: v for n, v in rest.items() if n not in nested}, nested


def _levels(roots: Sequence[_Node]) -> list[list[_Node]]:
    levels, level = [], list(roots)
    while level:
        levels.append(level)
        level = [child for node in level for child in node.children]
    return levels


def _check(nodes: Sequence[_Node]) -> None:
    if len(nodes) > MOST_ROWS:
        raise _too_many(f"{len(nodes)} records; at most {MOST_ROWS} are allowed")
    if len({node.sobject.name for node in nodes}) > MOST_OBJECTS:
        raise _too_many(f"a tree holds records of at most {MOST_OBJECTS} types")
    names = [node.reference_id for node in nodes]
    if len(set(names)) < len(names):
        raise ApiError(400, "INVALID_INPUT", "Duplicate ReferenceId provided in the request.")


def _error(saved: Mapping[str, Saved], node: _Node) -> ApiError | None:
    return saved[node.reference_id].error


def _refusal(saved: Mapping[str, Saved], node: _Node) -> dict[str, Any]:
    error = _error(saved, node)
    assert error is not None, "only refused records are shown"
    shown = {
        "statusCode": error.code,
        "message": error.message,
        "fields": list(error.fields or ()),
    }
    return {"referenceId": node.reference_id, "errors": [shown]}


def _too_many(message: str) -> ApiError:
    return ApiError(400, "LIMIT_EXCEEDED", message)
