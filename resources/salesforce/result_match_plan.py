"""Which answer belongs to which row, where order means nothing and rows may be equal."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

compute: Any = pyarrow.compute  # the stubs know only some of the forms of its functions
Rows: TypeAlias = "npt.NDArray[np.int64]"


def row_codes(tables: Sequence[pa.Table]) -> list[Rows]:
    """A number for each row of each table; equal rows, and no others, have the same one."""
    together = pa.concat_tables(tables)
    # Backslashes come in pairs within cells, so "\\," separates them beyond doubt.
    cells = [compute.replace_substring(column, "\\", "\\\\") for column in together.columns]
    rows = cells[0] if len(cells) == 1 else compute.binary_join_element_wise(*cells, "\\,")
    # Chunk by chunk, but with one dictionary for all of them.
    chunks = [chunk.indices.to_numpy() for chunk in compute.dictionary_encode(rows).chunks]
    indices = np.concatenate([np.empty(0, np.int64), *chunks]).astype(np.int64)
    ends = np.cumsum([table.num_rows for table in tables])
    return np.split(indices, ends[:-1])


def matched(sent: Rows, answered: Rows) -> tuple[Rows, int]:
    """For each row sent the row that answers it, -1 for none; and how many answers are left.

    The n-th of equal rows gets the n-th answer to them.
    """
    size = int(max(sent.max(initial=-1), answered.max(initial=-1))) + 1
    answers = np.bincount(answered, minlength=size)
    starts = np.cumsum(answers) - answers
    by_code = np.argsort(answered, kind="stable")
    turn = _turns(sent, size)
    has_answer = turn < answers[sent]
    rows = np.full(sent.size, -1, dtype=np.int64)
    rows[has_answer] = by_code[starts[sent[has_answer]] + turn[has_answer]]
    return rows, int(answered.size - has_answer.sum())


def _turns(codes: Rows, size: int) -> Rows:
    """How many equal codes stand before each."""
    counts = np.bincount(codes, minlength=size)
    starts = np.cumsum(counts) - counts
    order = np.argsort(codes, kind="stable")
    turns = np.empty(codes.size, dtype=np.int64)
    turns[order] = np.arange(codes.size) - starts[codes[order]]
    return turns
