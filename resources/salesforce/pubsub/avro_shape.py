"""What an Avro schema consists of, as far as records of it are read column by column.

Salesforce's events are records of text, numbers, booleans, enums and lists of text, each perhaps
null, with one more level for compound fields (CDC developer guide; docs/salesforce_facts.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

#: Names of fields, from the outermost record on.
Path: TypeAlias = tuple[str, ...]
PLAIN = frozenset({"string", "int", "long", "double", "boolean"})
TEXTS = "texts"


@dataclass(frozen=True)
class Leaf:
    """Values of one column; ``kind`` is the Avro type, or ``texts`` for an array of strings."""

    path: Path
    kind: str
    symbols: tuple[str, ...] = ()


@dataclass(frozen=True)
class Union:
    """One of several; None stands for null."""

    branches: tuple[Shape | None, ...]


@dataclass(frozen=True)
class Record:
    """One after the other."""

    fields: tuple[Shape, ...]


Shape: TypeAlias = Leaf | Union | Record


class _OtherShapeError(Exception):
    """Something that isn't read column by column."""


def record_shape(parsed: Any) -> Record | None:
    """The shape of a schema as fastavro parsed it; None if it has something else in it.

    Then there are maps, arrays of other things, logical types, several plain types for one field,
    or records within themselves.
    """
    try:
        found = _shape(parsed, (), {})
    except _OtherShapeError:
        return None
    paths = leaf_paths(found)
    return found if isinstance(found, Record) and len(paths) == len(set(paths)) else None


def leaf_paths(shape: Shape | None) -> list[Path]:
    """Where a shape has its columns, in order."""
    if isinstance(shape, Leaf):
        return [shape.path]
    if isinstance(shape, Record):
        return [path for field in shape.fields for path in leaf_paths(field)]
    return [path for branch in (shape.branches if shape else ()) for path in leaf_paths(branch)]


def _shape(declared: Any, path: Path, named: dict[str, Any]) -> Shape:
    if isinstance(declared, list):
        return Union(tuple(None if one == "null" else _shape(one, path, named) for one in declared))
    if isinstance(declared, str):
        if declared in PLAIN:
            return Leaf(path, declared)
        declared = named.get(declared)
    if not isinstance(declared, Mapping) or "logicalType" in declared:
        raise _OtherShapeError
    kind = declared["type"]
    if kind == "record":
        return _record(declared, path, named)
    if kind == "enum":
        named[declared["name"]] = declared
        return Leaf(path, kind, tuple(declared["symbols"]))
    if kind == "array" and declared["items"] in ("string", {"type": "string"}):
        return Leaf(path, TEXTS)
    if kind in PLAIN:
        return Leaf(path, kind)
    raise _OtherShapeError


def _record(declared: Mapping[str, Any], path: Path, named: dict[str, Any]) -> Record:
    fields = [
        _shape(field["type"], (*path, str(field["name"])), named) for field in declared["fields"]
    ]
    # Known by its name from here on, so that one within itself is none of these shapes.
    named[declared["name"]] = declared
    return Record(tuple(fields))
