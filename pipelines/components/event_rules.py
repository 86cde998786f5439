"""What may be wrong with a platform event among the others of the project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from assets.event_spec import EventSpec
from assets.naming import warehouse_name
from pipelines.components.salesforce_sync import SalesforceSync

Table = tuple[str, str, str]


@dataclass(frozen=True)
class BrokenEventRule:
    """A rule that an event breaks: at which of its keys, if any, and how."""

    event: str
    key: str | None
    problem: str


def broken_event_rules(
    specs: Sequence[EventSpec], before: Sequence[EventSpec], tables: Mapping[Table, str]
) -> Iterator[BrokenEventRule]:
    """Of the events of one component.

    Args:
        before: Those of the components before it.
        tables: By warehouse, schema and name, whose table it is.
    """
    events = {(spec.org, spec.event.lower()) for spec in before}
    taken = {**tables}
    keys: set[tuple[str, str]] = set()
    for spec in before:
        _take(spec, taken, keys)
    for spec in specs:
        if (spec.org, spec.event.lower()) in events:
            problem = f"{spec.event} of {spec.org} is subscribed to already"
            yield BrokenEventRule(spec.event, None, problem)
        elif spec.table is not None:
            table = (spec.warehouse, spec.table.schema, spec.table.name)
            if table in taken:
                problem = f"{spec.table.schema}.{spec.table.name} is the table of {taken[table]}"
                yield BrokenEventRule(spec.event, "table", problem)
            elif (spec.org, spec.table.name) in keys:
                problem = f"another event of {spec.org} has a table called {spec.table.name}, too"
                yield BrokenEventRule(spec.event, "table", problem)
        events.add((spec.org, spec.event.lower()))
        _take(spec, taken, keys)


def tables_of_syncs(tree: dg.ComponentTree) -> dict[Table, str]:
    """All tables that objects have: their rows, changes and versions."""
    found: dict[Table, str] = {}
    for component in tree.get_all_components(SalesforceSync):
        sync = component.sync()
        for name in component.objects:
            table = warehouse_name(name, sync.naming)
            for end in ("", "_changes", "_history"):
                found[sync.warehouse, sync.schema, f"{table}{end}".lower()] = name
    return found


def _take(spec: EventSpec, taken: dict[Table, str], keys: set[tuple[str, str]]) -> None:
    if spec.table is not None:
        taken[spec.warehouse, spec.table.schema, spec.table.name] = spec.event
        keys.add((spec.org, spec.table.name))
