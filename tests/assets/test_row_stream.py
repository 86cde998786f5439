"""Rows taken a stretch at a time come whole, in order, and once more for whoever asks."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from assets.row_stream import RowStream, without_first

SIZES = st.lists(st.integers(0, 5), max_size=8)


def batches(sizes: list[int]) -> list[pa.RecordBatch]:
    numbers = iter(range(sum(sizes)))
    return [pa.record_batch({"n": pa.array([next(numbers) for _ in range(s)])}) for s in sizes]


def numbers(given_batches) -> list[int]:
    return [n for batch in given_batches for n in batch.column("n").to_pylist()]


@given(sizes=SIZES, skipped=st.integers(0, 50))
def test_the_first_rows_are_left_out(sizes, skipped):
    assert numbers(without_first(batches(sizes), skipped)) == list(range(sum(sizes)))[skipped:]


@given(sizes=SIZES, skipped=st.integers(0, 10), stretch=st.integers(1, 7))
def test_every_row_is_in_one_stretch(sizes, skipped, stretch):
    rows = RowStream(batches(sizes), skipped)
    stretches = []
    while rows.more():
        stretches.append(numbers(rows.take(stretch)))

    assert [n for one in stretches for n in one] == list(range(sum(sizes)))[skipped:]
    assert all(len(one) == stretch for one in stretches[:-1])


@given(sizes=SIZES, stretch=st.integers(1, 7), written=st.integers(1, 7))
def test_what_was_taken_can_be_had_again_in_other_pieces(sizes, stretch, written):
    rows, again = RowStream(batches(sizes)), []
    while rows.more():
        left = len(numbers(rows.take(stretch)))
        while left:
            piece = min(written, left)
            again += numbers(rows.taken(piece))
            left -= piece

    assert again == list(range(sum(sizes)))
