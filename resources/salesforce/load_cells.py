"""Warehouse values as the cells that Salesforce is sent, exact to the last digit.

A cell is the text that stands in the CSV: empty leaves the field alone, ``#N/A`` sets it to null.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute

from resources.salesforce.cell_numbers import integer_digits
from resources.salesforce.cell_text import CellText, Flags, Kind, cell_text
from resources.salesforce.load_columns import CLEAR, LEAVE, LoadColumn

pc: Any = pyarrow.compute  # the stubs know only some of the forms of its functions

MOST_EXAMPLES = 5
EXAMPLE_CHARACTERS = 80
MEANINGS: dict[Kind, str] = {
    "null_marker": "hold the text #N/A, by which Salesforce would set the field to null",
    "null_not_allowed": "are null, which it can't be; give a value, or set its `nulls: leave`",
    "too_long": "are longer than the {length:,} characters of the field",
    "too_many_digits": "have more digits than the field ({digits})",
    "wrong_type": "can't be a {type}",
    "date_out_of_range": "lie outside of the years 1700 to 4000",
    "malformed_id": "aren't Ids of 15 or 18 characters",
    "separator_in_value": "hold a semicolon, which separates the values of a multi-select picklist",
}


@dataclass(frozen=True)
class CellProblem:
    """Rows of one column that can't be sent, and why.

    ``row_numbers`` count from 0 within the batch; ``examples`` are some of the values, cut to 80
    characters. ``cause`` goes on after a number of rows: "are longer than the 80 characters of the
    field".
    """

    column: str
    kind: Kind
    row_numbers: tuple[int, ...]
    examples: tuple[str, ...]
    cause: str

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.row_numbers)


def render_cells(
    batch: pa.RecordBatch, columns: Sequence[LoadColumn]
) -> tuple[pa.RecordBatch, list[CellProblem]]:
    """Cells of a batch, and what is wrong with them.

    Null, empty text and an empty list are the same to Salesforce; they become what the column's
    null policy says. Numbers are written without exponent, plus sign, or zeros at the end;
    datetimes in UTC, cut to milliseconds, one without zone is taken as UTC.

    Args:
        batch: One column for each of ``columns``, of its name; others are left out.

    Returns:
        String columns named and ordered as ``columns``, without nulls; a value that can't be
        written is empty there, whatever the policy. And the problems, one per column and kind.
    """
    cells, problems = [], []
    for column in columns:
        source = _plain(batch.column(column.name))
        found = _column(source, column)
        cells.append(found.text)
        problems += [_problem(column, kind, rows, source) for kind, rows in found.problems.items()]
    return pa.RecordBatch.from_arrays(cells, names=[column.name for column in columns]), problems


def _plain(source: "pa.Array[Any]") -> "pa.Array[Any]":
    kind = source.type
    return source.cast(kind.value_type) if pa.types.is_dictionary(kind) else source


def _column(source: "pa.Array[Any]", column: LoadColumn) -> CellText:
    found = cell_text(source, column.typed)
    problems = {kind: pc.fill_null(rows, False) for kind, rows in found.problems.items()}
    missing = pc.fill_null(pc.equal(found.text, ""), True)
    for rows in problems.values():
        missing = pc.and_(missing, pc.invert(rows))
    problems["null_marker"] = pc.fill_null(pc.equal(found.text, CLEAR), False)
    text = pc.fill_null(found.text, LEAVE)
    if column.nulls == "clear" and column.field.nillable:
        text = pc.if_else(missing, CLEAR, text)
    elif column.nulls == "clear":
        problems["null_not_allowed"] = missing
    met = {kind: rows for kind, rows in problems.items() if rows.true_count}
    return CellText(text, met)


def _problem(column: LoadColumn, kind: Kind, rows: Flags, source: "pa.Array[Any]") -> CellProblem:
    field = column.typed
    decimals = f"{field.precision}, {field.scale} of them after the point"
    cause = MEANINGS[kind].format(
        length=field.length,
        type=field.type,
        digits=integer_digits(field) or decimals,
    )
    first = map(shown, source.filter(rows)[: MOST_EXAMPLES * 10])
    examples = dict.fromkeys(value[:EXAMPLE_CHARACTERS] for value in first if value)
    numbers = tuple(pc.indices_nonzero(rows).to_pylist())
    return CellProblem(column.name, kind, numbers, tuple(examples)[:MOST_EXAMPLES], cause)


def shown(value: "pa.Scalar[Any]") -> str:
    """A value as a reader knows it, empty if there is none: whatever can't be sent is shown."""
    try:
        known = value.as_py()
    except (ValueError, OverflowError):  # a moment that Python has no date for; Arrow writes any
        known = value.cast(pa.string()).as_py()
    return "" if known is None else str(known)
