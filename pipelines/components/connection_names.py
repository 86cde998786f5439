"""Names of connections that a sync or a load refers to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dagster as dg

from assets.spelling import nearest
from pipelines.components.configuration import KeyPath
from pipelines.components.salesforce_connection import SalesforceConnection
from pipelines.components.warehouse_connection import WarehouseConnection

KINDS = {kind.__name__: kind for kind in (SalesforceConnection, WarehouseConnection)}


def unknown_connections(
    tree: dg.ComponentTree, named: Sequence[tuple[KeyPath, str, str]]
) -> Iterator[tuple[KeyPath, str, str | None]]:
    """Key, problem and what was meant, for each name that isn't declared.

    Args:
        named: Under which key which kind of connection is named how.
    """
    for path, kind, name in named:
        known = [one.name for one in tree.get_all_components(KINDS[kind])]
        if name not in known:
            declared = ", ".join(sorted(known)) or "none"
            problem = f"no {kind} is called {name!r}; declared are: {declared}"
            yield path, problem, nearest(name, known)
