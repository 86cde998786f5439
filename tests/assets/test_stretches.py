"""Segments are applied together as long as one transaction and one API call can bear them."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from assets.stretches import STRETCH_BYTES, STRETCH_EVENTS, STRETCH_RECORDS, Stretch
from resources.landing.inbox_segment import Segment


def stretch(seq, events=1, size_bytes=8, records=()):
    """One of a single segment."""
    segment = Segment(f"{seq}.arrow", seq, events, b"1", None, datetime.now(UTC))
    batch = pa.RecordBatch.from_pydict({"value": pa.array([b"x" * size_bytes])})
    return Stretch(segments=[segment], decoded=[batch], records=set(records))


@pytest.mark.parametrize(
    ("full", "more"),
    [
        ({"events": STRETCH_EVENTS - 1}, {"events": 2}),
        ({"size_bytes": STRETCH_BYTES // 2}, {"size_bytes": STRETCH_BYTES // 2}),
        ({"records": map(str, range(STRETCH_RECORDS))}, {"records": ["another"]}),
    ],
)
def test_what_is_too_much_together_is_applied_one_after_the_other(full, more):
    first = stretch(1, **full)

    assert first.has_room_for(stretch(2))
    assert not first.has_room_for(stretch(2, **more))


def test_the_same_records_need_no_more_room():
    names = [str(number) for number in range(STRETCH_RECORDS)]

    assert stretch(1, records=names).has_room_for(stretch(2, records=names[:10]))


def test_a_single_segment_is_applied_however_large_it_is():
    assert Stretch().has_room_for(stretch(1, events=STRETCH_EVENTS * 2))


def test_what_follows_is_taken_in_behind():
    first = stretch(1, events=2, records=["a"])
    first.extend(stretch(2, events=3, records=["a", "b"]))

    assert [segment.seq for segment in first.segments] == [1, 2]
    assert (first.events, first.records, len(first.decoded)) == (5, {"a", "b"}, 2)
