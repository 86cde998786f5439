"""SQL that tells whether Salesforce, by an image of its rows, holds what a cell would make of it.

No I/O. Rows of a load are ``r``, the inbound table's are ``t``, those of its parents ``p0`` ….
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from resources.warehouse.dialect import TIMESTAMPTZ, quoted, text
from resources.warehouse.load_adapter import LEAVE, SET_NULL, ImageColumn, LoadImage

#: What the warehouse's file is attached as, beside the rows.
WAREHOUSE = "warehouse"

#: What Salesforce cuts off at both ends of a text.
_BLANKS = "chr(32) || chr(9) || chr(10) || chr(13)"


@dataclass(frozen=True, slots=True)
class ComparedImage:
    """An image with what the warehouse says about its columns.

    Args:
        image: As asked.
        key_type: Type of the key column.
        types: Type of each compared column: the table's, or the parent's.
        cells: All cell columns of the rows.
    """

    image: LoadImage
    key_type: str
    types: Mapping[str, str]
    cells: tuple[str, ...]

    @property
    def table(self) -> str:
        """The table, in full."""
        return quoted(WAREHOUSE, self.image.schema, self.image.table)


def same_cell(compared: ComparedImage, column: ImageColumn) -> str:
    """Whether Salesforce, by the image, holds what the cell would make of it; never null."""
    cell = f"r.{quoted(column.cell)}"
    reference = f"t.{quoted(column.column)}"
    there = cell_there(compared, column)
    return (
        f"CASE {cell} WHEN {text(LEAVE)} THEN true WHEN {text(SET_NULL)} THEN "
        f"{_is_null(reference, compared.types[column.cell])} "
        f"ELSE {_same(cell, there, compared.types[column.cell], column)} END"
    )


def cell_there(compared: ComparedImage, column: ImageColumn) -> str:
    """The table's value that a cell is compared with, or the parent's."""
    if column.parent is None:
        return f"t.{quoted(column.column)}"
    number = compared.image.columns.index(column)
    return f"p{number}.{quoted(column.parent.column)}"


def _is_null(there: str, kind: str) -> str:
    # A checkbox has no null: set to it, it is unchecked.
    if kind == "BOOLEAN":
        return f"NOT coalesce({there}, false)"
    return f"coalesce(len({there}), 0) = 0" if kind == "VARCHAR[]" else f"{there} IS NULL"


def _same(cell: str, there: str, kind: str, column: ImageColumn) -> str:
    ours, theirs = as_kept(cell, kind, column), as_kept(there, kind, column)
    if kind in ("VARCHAR", "VARCHAR[]"):
        return f"{ours} IS NOT DISTINCT FROM {theirs}"
    # A cell that isn't of the column's type is null here, and is the same as nothing.
    return f"coalesce({ours} = {theirs}, false)"


def as_kept(value: str, kind: str, column: ImageColumn) -> str:
    """A cell or a column's value as Salesforce would keep it, of the column's type."""
    if kind == "VARCHAR":
        trimmed = f"nullif(trim({value}, {_BLANKS}), '')"
        # External ids find their record whatever the case, but for the case-sensitive ones.
        return trimmed if column.parent is None else f"lower({trimmed})"
    if kind == "VARCHAR[]":
        parts = f"string_split({value}, ';')" if value.startswith("r.") else value
        return f"list_sort({parts})"
    if kind == TIMESTAMPTZ:
        # Salesforce keeps whole seconds of datetimes that it is given.
        return f"date_trunc('second', TRY_CAST({value} AS {kind}))"
    if kind == "TIME":
        return f"TRY_CAST(rtrim(CAST({value} AS VARCHAR), 'Z') AS TIME)"
    return f"TRY_CAST({value} AS {kind})"
