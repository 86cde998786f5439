"""Many Avro records of one schema, read column by column instead of record by record.

A record has neither tags nor lengths: a field begins where the one before it ended. So all records
are read in step, first the first field of each, then the second; a vector says where each record
is. What isn't certainly a record of the schema is refused, for a reader that takes it by itself.

Source: Apache Avro 1.11 specification, "Binary Encoding".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from resources.salesforce.pubsub.avro_shape import TEXTS, Leaf, Path, Record, Shape

T = TypeVar("T", bound=np.generic)
Ints: TypeAlias = NDArray[np.int64]
#: An Arrow array; of which type is known only when it runs, and the stubs want it said.
Column: TypeAlias = Any

#: More entries of one array than this are read one by one elsewhere: here each costs a step of all.
MOST_ENTRIES = 200
TYPES: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "int": pa.int32(),
    "long": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "enum": pa.string(),
    TEXTS: pa.list_(pa.string()),
}
LAST_SHIFT = 63
# A varint has ten bytes at most, a double eight; so far a look may go behind the last payload.
PADDING = np.zeros(16, np.uint8)
_EIGHT = np.arange(8)


@dataclass(frozen=True)
class ColumnsRead:
    """Values of the records that were read, in order.

    ``columns`` has an Arrow array per leaf of the shape: text, int32, int64, double, boolean or a
    list of text; null where the leaf's branch wasn't taken. ``kept`` are the positions of these
    records among the payloads, ``refused`` those of the others.
    """

    columns: dict[Path, Column]
    kept: Ints
    refused: Ints


def read_columns(shape: Record, payloads: Column) -> ColumnsRead:
    """Read payloads (binary, none of them null) of one schema.

    A payload is refused if it ends too early or too late, has a branch or symbol that the schema
    lacks, text that isn't UTF-8, a number too large for its type, or an array of more than
    ``MOST_ENTRIES`` entries. A refused one changes nothing in the others.
    """
    reading = _Reading(payloads)
    reading.shape(shape, reading.all)
    reading.refuse(reading.all[reading.at != reading.end])
    kept = np.flatnonzero(~reading.refused)
    columns = reading.columns
    if len(kept) < len(payloads):
        wanted: Column = pa.array(kept)
        columns = {path: column.take(wanted) for path, column in columns.items()}
    return ColumnsRead(columns, kept, np.flatnonzero(reading.refused))


class _Reading:
    """Where each record is. ``rows`` are the records that have the part to be read, ascending."""

    def __init__(self, payloads: Column) -> None:
        _, offsets, data = payloads.buffers()
        first, count = payloads.offset, len(payloads)
        bounds = np.frombuffer(offsets, np.int32)[first : first + count + 1].astype(np.int64)
        begin, end = int(bounds[0]), int(bounds[-1])
        own = np.frombuffer(data, np.uint8)[begin:end] if data else PADDING[:0]
        self.bytes = np.concatenate([own, PADDING])
        self.at, self.end = bounds[:-1] - begin, bounds[1:] - begin
        self.all = np.arange(count)
        self.refused = np.zeros(count, np.bool_)
        self.columns: dict[Path, Column] = {}
        self._leaves: dict[str, Callable[[Leaf, Ints], Column]] = {
            "string": self._text,
            "int": self._int,
            "long": self._long,
            "double": self._double,
            "boolean": self._boolean,
            "enum": self._symbol,
            TEXTS: self._texts,
        }

    def shape(self, shape: Shape, rows: Ints) -> None:
        """Read a part of the schema."""
        if isinstance(shape, Leaf):
            self.columns[shape.path] = self._leaf(shape, rows)
        elif isinstance(shape, Record):
            for field in shape.fields:
                self.shape(field, rows)
        else:
            branch = self._numbers(rows)
            known = (branch >= 0) & (branch < len(shape.branches))
            self.refuse(rows[~known])
            for at, one in enumerate(shape.branches):
                if one is not None:
                    self.shape(one, rows[branch == at])

    def _leaf(self, leaf: Leaf, rows: Ints) -> Column:
        if not len(rows):  # as with most fields of an update
            kind: Any = TYPES[leaf.kind]
            return pa.nulls(len(self.all), kind)
        return self._leaves[leaf.kind](leaf, rows)

    def refuse(self, rows: Ints) -> None:
        """Read nothing more of these records."""
        self.refused[rows] = True
        self.at[rows] = self.end[rows]

    def _numbers(self, rows: Ints) -> Ints:
        """A long of each: seven bits a byte, the least first, the sign in the last bit of all."""
        at = self.at[rows]
        byte = self.bytes[at]
        number = (byte & 0x7F).astype(np.uint64)
        at += 1
        more = np.flatnonzero(byte & 0x80)
        for shift in range(7, LAST_SHIFT + 1, 7):
            if not more.size:
                break
            byte = self.bytes[at[more]]
            number[more] |= (byte & 0x7F).astype(np.uint64) << np.uint64(shift)
            at[more] += 1
            more = more[byte > (0x7F if shift < LAST_SHIFT else 1)]
        wrong = at > self.end[rows]
        wrong[more] = True  # longer than a long
        sign = (number & np.uint64(1)).view(np.int64)
        value: Ints = (number >> np.uint64(1)).view(np.int64) ^ -sign
        return self._moved(rows, at, value, wrong)

    def _moved(
        self, rows: Ints, at: Ints, value: NDArray[T], wrong: NDArray[np.bool_]
    ) -> NDArray[T]:
        """The values, after going on to ``at``; zero for those that are refused."""
        self.at[rows] = at
        if wrong.any():
            value[wrong] = 0
            self.refuse(rows[wrong])
        return value

    def _spans(self, rows: Ints) -> tuple[Ints, Ints]:
        """Where a text of each begins and ends; both the same for those that are refused."""
        length = self._numbers(rows)
        begin = self.at[rows]
        wrong = (length < 0) | (length > self.end[rows] - begin)
        length[wrong] = 0
        self.at[rows] = begin + length
        self.refuse(rows[wrong])
        return begin, begin + length

    def _text(self, leaf: Leaf, rows: Ints) -> Column:
        begin, end = self._spans(rows)
        return self._strings(rows, begin, end, self._placed(_evens(len(rows)), rows, pa.int64()))

    def _strings(self, rows: Ints, begin: Ints, end: Ints, wanted: Column) -> Column:
        """The wanted of these texts, which ascend; records of some that aren't UTF-8 are refused.

        ``wanted`` has 2n for the text n, as there are gaps between them: with those, the payloads
        are an array already, and only what is wanted is copied.
        """
        bounds = np.stack([begin, end], axis=1).astype(np.int32).reshape(-1)
        buffers = [None, pa.py_buffer(bounds.data), pa.py_buffer(self.bytes.data)]
        with_gaps: Column = pa.Array.from_buffers(pa.binary(), max(len(bounds) - 1, 0), buffers)
        try:
            return with_gaps.take(wanted).cast(pa.string())
        except pa.ArrowInvalid:
            broken = np.array([not _is_text(one) for one in with_gaps.to_pylist()[::2]])
            self.refuse(rows[broken])
            return self._strings(rows, begin, np.where(broken, begin, end), wanted)

    def _placed(self, values: NDArray[Any], rows: Ints, kind: pa.DataType) -> Column:
        """A value for each record; null for those that aren't among ``rows``."""
        if len(rows) == len(self.all):
            return pa.array(values, kind)
        whole = np.zeros(len(self.all), values.dtype)
        whole[rows] = values
        absent = np.ones(len(self.all), np.bool_)
        absent[rows] = False
        return pa.array(whole, kind, mask=absent)

    def _long(self, leaf: Leaf, rows: Ints) -> Column:
        return self._placed(self._numbers(rows), rows, pa.int64())

    def _int(self, leaf: Leaf, rows: Ints) -> Column:
        value = self._numbers(rows)
        wrong = value != value.astype(np.int32)
        self.refuse(rows[wrong])
        return self._placed(value.astype(np.int32), rows, pa.int32())

    def _symbol(self, leaf: Leaf, rows: Ints) -> Column:
        value = self._numbers(rows)
        wrong = (value < 0) | (value >= len(leaf.symbols))
        self.refuse(rows[wrong])
        value[wrong] = 0
        return pa.array(leaf.symbols, pa.string()).take(self._placed(value, rows, pa.int64()))

    def _double(self, leaf: Leaf, rows: Ints) -> Column:
        at = self.at[rows]
        value = self.bytes[at[:, np.newaxis] + _EIGHT].view("<f8").reshape(-1)
        at += 8
        value = self._moved(rows, at, value, at > self.end[rows])
        return self._placed(value, rows, pa.float64())

    def _boolean(self, leaf: Leaf, rows: Ints) -> Column:
        at = self.at[rows]
        value = self.bytes[at]
        at += 1
        value = self._moved(rows, at, value, (at > self.end[rows]) | (value > 1))
        return self._placed(value == 1, rows, pa.bool_())

    def _texts(self, leaf: Leaf, rows: Ints) -> Column:
        """Arrays come in blocks with a count each; the last one counts 0."""
        owners, spans = [rows[:0]], [(rows[:0], rows[:0])]
        going, entries = rows, 0
        while going.size:
            count = self._numbers(going)
            sized = count < 0  # then its size in bytes follows
            self._numbers(going[sized])
            count = np.abs(count)
            long = (count < 0) | (count > MOST_ENTRIES - entries)
            self.refuse(going[long])
            going, count = going[(count > 0) & ~long], count[(count > 0) & ~long]
            for nth in range(count.max(initial=0)):
                owners.append(going[count > nth])
                spans.append(self._spans(owners[-1]))
                entries += 1
        return self._lists(rows, np.concatenate(owners), spans)

    def _lists(self, rows: Ints, owners: Ints, spans: list[tuple[Ints, Ints]]) -> Column:
        begins, ends = (np.concatenate(part) for part in zip(*spans, strict=True))
        order = np.argsort(owners, kind="stable")
        owners = owners[order]
        values = self._strings(owners, begins[order], ends[order], pa.array(_evens(len(owners))))
        offsets = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=len(self.all)))])
        lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
        if len(rows) == len(self.all):
            return lists
        return lists.take(self._placed(rows, rows, pa.int64()))


def _evens(count: int) -> Ints:
    return np.arange(0, 2 * count, 2)


def _is_text(found: bytes) -> bool:
    try:
        found.decode()
    except UnicodeDecodeError:
        return False
    return True
