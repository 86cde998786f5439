"""Records of a CSV text are counted right, however it is cut into pieces."""

import csv
import io
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from resources.salesforce.csv_rows import RecordCounter

CELLS = st.text(st.sampled_from('ab",\n\r;é '), max_size=8)


def counted(text: bytes, cuts=()):
    counter = RecordCounter()
    edges = [0, *sorted(cuts), len(text)]
    for start, end in pairwise(edges):
        counter.feed(text[start:end])
    return counter


def page(rows, line_end="\n"):
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=line_end).writerows(rows)
    return out.getvalue().encode()


@given(
    rows=st.lists(st.tuples(CELLS, CELLS), max_size=12),
    line_end=st.sampled_from(["\n", "\r\n"]),
    cuts=st.lists(st.integers(0, 200), max_size=6),
    last_line_end=st.booleans(),
)
@example(rows=[('"', "\n")], line_end="\n", cuts=[1, 2, 3, 4], last_line_end=False)
def test_every_cut_counts_the_same(rows, line_end, cuts, last_line_end):
    text = page(rows, line_end)
    if rows and not last_line_end:
        text = text[: -len(line_end)]

    counter = counted(text, [cut for cut in cuts if cut < len(text)])

    assert counter.records == len(rows)
    assert not counter.in_quotes


@given(before=CELLS, value=CELLS, cut=st.integers(0, 7))
def test_a_page_cut_within_a_value_is_seen_to_stop_in_quotes(before, value, cut):
    text = page([(before, value)])
    quoted_at = len(page([(before,)])) - 1 + len(',"')
    characters = value[:cut].replace('"', '""').encode()

    counter = counted(text[: quoted_at + len(characters)])

    assert counter.in_quotes


def test_nothing_holds_no_record():
    assert counted(b"").records == 0
