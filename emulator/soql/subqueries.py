"""Parent-to-child subqueries: each a list of structs in a column of the parent's row."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.schema.columns import quoted
from emulator.schema.model import ChildRelationship
from emulator.soql.binder import Relations, Table, find_object
from emulator.soql.context import Compilation
from emulator.soql.fragments import EMPTY, Sql, fill, join
from emulator.soql.nodes import Query, Subquery
from emulator.soql.ordering import order_clause, row_sort_keys
from emulator.soql.row_selection import RowSelection
from emulator.soql.select_list import selected
from emulator.soql.semi_joins import inner_conditions
from emulator.soql.typed_parents import TypedParent
from emulator.soql.where import limit_clause, where_clause, where_parts

# Source: [soql reference].
MAX_SUBQUERIES = 20
MAX_LEVELS = 5
NESTED_SINCE_VERSION = 58.0

NO_CHILD = (
    "Didn't understand relationship '{}' in FROM part of query call. If you are attempting to use "
    "a custom relationship, be sure to append the '__r' after the custom relationship name. Please "
    "reference your WSDL or the describe call for the appropriate names."
)


@dataclass(frozen=True, slots=True)
class Level:
    """Where a SELECT stands: how deep, and what of its outer query a subquery depends on."""

    depth: int = 0
    outer_limit: int | None = None

    def below(self, query: Query) -> Level:
        return Level(self.depth + 1, query.limit)


def select_rows(relations: Relations, query: Query, level: Level) -> RowSelection:
    """The columns of a SELECT, subqueries among them."""
    selection = RowSelection(relations)
    items = selected(relations, query)
    subqueries = [item for item in items if isinstance(item, Subquery)]
    if len(subqueries) > MAX_SUBQUERIES:
        message = f"a query may have at most {MAX_SUBQUERIES} subqueries"
        raise relations.compilation.error(subqueries[MAX_SUBQUERIES].position, message)
    for item in items:
        if isinstance(item, Subquery):
            _add_subquery(selection, relations, item.query, level.below(query))
        elif isinstance(item, TypedParent):
            selection.add_typed(item)
        else:
            selection.add_column(item)
    return selection


def _add_subquery(selection: RowSelection, outer: Relations, query: Query, level: Level) -> None:
    compilation = outer.compilation
    _check(compilation, query, level)
    relationship = _relationship(outer.root, compilation, query)
    name = str(relationship.relationship_name)
    if any(slot.name == name for slot in selection.shape.slots):
        raise compilation.error(query.source.position, f"duplicate subquery: {name}")
    child = find_object(compilation, relationship.child_object, query.source.position)
    relations = Relations(compilation, child, (query.source.alias, name, child.name))
    for source in query.joined:
        relations.add_alias(source)
    rows = select_rows(relations, query, level)
    reference = Sql(relations.root.column(relationship.field))
    own = fill("{} = {}", reference, Sql(outer.root.column("Id")))
    selection.add_children(name, _list_sql(relations, query, own, rows), rows.shape)


def _check(compilation: Compilation, query: Query, level: Level) -> None:
    nested = compilation.context.api_version >= NESTED_SINCE_VERSION
    levels = MAX_LEVELS if nested else 1
    if level.depth > levels:
        message = f"subqueries may be nested {levels} deep in this API version"
        raise compilation.error(query.position, message)
    if query.group_by or query.having:
        raise compilation.error(query.position, "GROUP BY is not allowed in a subquery")
    if query.offset and level.outer_limit != 1:
        message = "OFFSET in a subquery needs LIMIT 1 in the outer query"
        raise compilation.error(query.position, message)


def _relationship(parent: Table, compilation: Compilation, query: Query) -> ChildRelationship:
    """The child relationship of a subquery's FROM; a leading name of the parent is dropped."""
    path = query.source.path
    found = parent.object.child(path[-1]) if len(path) <= 2 else None
    if found is None or compilation.schema.object(found.child_object) is None:
        message = NO_CHILD.format(".".join(path))
        raise compilation.error(query.source.position, message, "INVALID_TYPE")
    return found


def _list_sql(relations: Relations, query: Query, own: Sql, rows: RowSelection) -> Sql:
    """A scalar subquery: the child rows as structs, in the order asked for."""
    refusal = "Semi join sub-selects are not allowed in a subquery"
    conditions = inner_conditions(relations, refusal)
    parts = [own, *where_parts(relations, query, conditions.sql)]
    keys = row_sort_keys(relations, query.order_by)
    columns = [fill(f"{{}} AS c{i}", column) for i, column in enumerate(rows.columns)]
    columns += [fill(f"{{}} AS k{i}", key.sql) for i, key in enumerate(keys)]
    inner = fill(
        "SELECT {} FROM {}{}{}{}",
        join(", ", columns),
        relations.from_sql(),
        where_clause(parts),
        order_clause(keys) if query.limit is not None or query.offset is not None else EMPTY,
        limit_clause(query),
    )
    alias = quoted(relations.compilation.alias())
    struct = ", ".join(f"c{i} := {alias}.c{i}" for i in range(len(rows.columns)))
    order = ", ".join(f"{alias}.k{i} {key.direction}" for i, key in enumerate(keys))
    order = f" ORDER BY {order}" if order else ""
    return fill(f"(SELECT list(struct_pack({struct}){order}) FROM ({{}}) {alias})", inner)
