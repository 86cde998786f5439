"""Which rows of its object a SELECT sees: WHERE, the recycle bin, USING SCOPE, LIMIT."""

from __future__ import annotations

from collections.abc import Callable

from emulator.soql.binder import Relations
from emulator.soql.fragments import EMPTY, Sql, bind, fill, join
from emulator.soql.nodes import Condition, Query


def where_parts(
    relations: Relations, query: Query, condition: Callable[[Condition], Sql]
) -> list[Sql]:
    """What the rows must fulfil, all of it."""
    parts = []
    if (visible := relations.visible()) is not None:
        parts.append(visible)
    if query.scope is not None:
        parts += _scope(relations, query.scope, query.position)
    if query.where is not None:
        parts.append(condition(query.where))
    return parts


def where_clause(parts: list[Sql]) -> Sql:
    """``WHERE …`` with a blank before it, or nothing."""
    return fill(" WHERE {}", join(" AND ", parts)) if parts else EMPTY


def limit_clause(query: Query) -> Sql:
    """``LIMIT … OFFSET …`` with a blank before it, or nothing."""
    limit = EMPTY if query.limit is None else fill(" LIMIT {}", bind(query.limit))
    offset = EMPTY if query.offset is None else fill(" OFFSET {}", bind(query.offset))
    return fill("{}{}", limit, offset)


def _scope(relations: Relations, scope: str, position: int) -> list[Sql]:
    """Source: [soql reference]. Only the scopes whose rows this org can tell apart."""
    if scope == "everything":
        return []
    owned = relations.owned_by(relations.compilation.context.user_id)
    if scope != "mine" or owned is None:
        message = f"scope '{scope}' is not supported for {relations.root.object.name}"
        raise relations.compilation.error(position, message, "INVALID_QUERY_SCOPE")
    return [owned]
