"""What a load's settings must agree on, as far as it shows without asking the org."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from assets.load_spec import LoadSpec
from assets.spelling import nearest

# Bulk API 2.0 finds records by Id for these, and takes no external id.
BY_ID = ("update", "delete", "hard_delete")
DELETES = ("delete", "hard_delete")


@dataclass(frozen=True)
class RuleBroken:
    """Which key is wrong, what about it, and what was probably meant."""

    path: tuple[str, ...]
    problem: str
    meant: str | None = None


def broken_rules(spec: LoadSpec) -> list[RuleBroken]:
    """All of them."""
    names = [one.name for one in spec.fields]
    return [
        *_source(spec),
        *_same_twice(names),
        *_operation(spec, names),
    ]


def _source(spec: LoadSpec) -> Iterator[RuleBroken]:
    if (spec.sql is None) == (spec.asset is None):
        problem = "names either `sql`, a file beside this one, or `asset`, the key of an asset"
        yield RuleBroken(("source",), problem)


def _same_twice(names: Sequence[str]) -> Iterator[RuleBroken]:
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(name.lower(), name)
        if other is not name:
            yield RuleBroken(("fields", name), f"is the field {other}, which is mapped before")


def _operation(spec: LoadSpec, names: Sequence[str]) -> Iterator[RuleBroken]:
    operation, external_id = spec.operation, spec.external_id
    if operation == "upsert" and external_id is None:
        problem = "is required for an upsert: the field by which the org finds a record"
        yield RuleBroken(("external_id",), problem)
    elif external_id is not None and operation in BY_ID:
        problem = f"can't be used by {operation}, which finds records by Id: remove it and map Id"
        yield RuleBroken(("external_id",), problem + _or_upsert(operation))
    elif external_id is not None and external_id not in names:
        problem = f"is {external_id}, which isn't among `fields`"
        yield RuleBroken(("external_id",), problem, nearest(external_id, names))
    if operation in BY_ID and "Id" not in names:
        problem = f"must map Id, by which {operation} finds records" + _or_upsert(operation)
        yield RuleBroken(("fields",), problem)
    if operation == "insert" and "Id" in names:
        yield RuleBroken(("fields", "Id"), "can't be set by an insert: the org gives it")
    if operation in DELETES:
        for name in names:
            if name != "Id":
                yield RuleBroken(("fields", name), f"isn't used by {operation}: map Id alone")


def _or_upsert(operation: str) -> str:
    return "; `operation: upsert` finds them by an external id" if operation == "update" else ""


def order_after_problem(
    name: str, order_after: Mapping[str, Sequence[str]]
) -> tuple[str, str | None] | None:
    """What is wrong with a load's ``order_after``: a name that isn't there, or a circle.

    Args:
        name: The load.
        order_after: Of every load, which ones it comes after.
    """
    for other in order_after[name]:
        if other not in order_after:
            known = ", ".join(sorted(set(order_after) - {name})) or "none"
            problem = f"no load is called {other!r}; there are: {known}"
            return problem, nearest(other, set(order_after) - {name})
    seen: dict[str, str] = {}
    waiting = list(order_after[name])
    while waiting:
        other = waiting.pop()
        if other == name:
            return "leads back to this load, so that neither could begin", None
        if other in seen:
            continue
        seen[other] = other
        waiting += order_after.get(other, ())
    return None
