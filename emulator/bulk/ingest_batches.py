"""How the rows of an upload are cut: into batches, and into strides that are written at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from emulator.bulk.parent_locks import PARALLEL_BATCHES
from emulator.store.ingest_columns import Target


@dataclass(frozen=True)
class Stride:
    """Rows from `start` up to `end`: one batch, or as many as run side by side.

    Attributes:
        number: Of its first batch, from 0.
        batches: How many there are.
    """

    number: int
    batches: int
    start: int
    end: int


def batches(rows: int, batch_rows: int, turn: int | None) -> list[Stride]:
    """The batches of an upload, in order.

    Args:
        turn: A batch ends before this row, where the job's fate strikes; None for no fate.
    """
    cuts = sorted({*range(0, rows, batch_rows), rows, *(() if turn is None else (turn,))})
    return [Stride(number, 1, start, end) for number, (start, end) in enumerate(pairwise(cuts))]


def strides(parts: list[Stride], turn: int | None) -> Iterator[list[Stride]]:
    """Neighbours that run side by side, which end at the turn of the job's fate, too."""
    group: list[Stride] = []
    for part in parts:
        if group and (len(group) == PARALLEL_BATCHES or part.start == turn):
            yield group
            group = []
        group.append(part)
    if group:
        yield group


def joined(group: list[Stride]) -> Stride:
    """All of a group as one."""
    return Stride(group[0].number, len(group), group[0].start, group[-1].end)


def can_join(target: Target, rows: pa.Table) -> bool:
    """Whether batches can be written at once without anybody noticing.

    A batch must see what the ones before it wrote, when it writes the same rows again or refers
    to rows of its own object.
    """
    if any(target.sobject.name in column.field.reference_to for column in target.columns):
        return False
    key = target.key_column
    if key is None:
        return True
    return bool(pc.count_distinct(pc.utf8_lower(rows[f"c{key}"])).as_py() == len(rows))
