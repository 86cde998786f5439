"""Rows become CSV files that end on a row's end and hold exactly the cells."""

import csv
import hashlib
import io
import os
from contextlib import contextmanager

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.salesforce.csv_parts import write_parts
from resources.salesforce.errors import RowSizeError
from resources.salesforce.result_file import read_result_file

EXAMPLES = int(os.environ.get("TIDEGATE_EXAMPLES", "60"))
CELL = st.text(max_size=12) | st.sampled_from(["", "#N/A", '"', "a,b", "l\r\nm", "NA", "007", "\\"])


class Files:
    """Keeps what was written, by part."""

    def __init__(self):
        self.texts = {}

    @contextmanager
    def open_part(self, number):
        file = io.BytesIO()
        yield file
        self.texts[number] = file.getvalue()


def written(batches, **limits):
    files = Files()
    parts = list(write_parts(iter(batches), files.open_part, **limits))
    return parts, files.texts


def frame(rows):
    names, ages = ([row[n] for row in rows] for n in (0, 1))
    return pa.record_batch(
        {"Name": names, "_key": ["k"] * len(rows), "Acc__r.ERP_Id__c": ages},
        schema=pa.schema([(n, pa.string()) for n in ("Name", "_key", "Acc__r.ERP_Id__c")]),
    )


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    batches=st.lists(st.lists(st.tuples(CELL, CELL), max_size=8), max_size=4),
    max_bytes=st.integers(130, 400),
)
def test_parts_hold_all_rows_in_order_and_nothing_else(batches, max_bytes):
    parts, texts = written([frame(rows) for rows in batches], max_bytes=max_bytes)

    found = []
    for part in parts:
        text = texts[part.number]
        header, *rows = csv.reader(io.StringIO(text.decode(), newline=""))
        assert header == ["Name", "Acc__r.ERP_Id__c"]
        assert (part.first_row, part.rows, part.bytes) == (len(found), len(rows), len(text))
        assert part.sha256 == hashlib.sha256(text).hexdigest()
        assert 0 < len(text) <= max_bytes
        table = read_result_file(text, [], ["Name", "Acc__r.ERP_Id__c"])
        assert [tuple(row.values()) for row in table.to_pylist()] == [tuple(r) for r in rows]
        found += rows
    assert [tuple(row) for row in found] == [row for rows in batches for row in rows]
    assert sorted(texts) == list(range(len(parts)))


def test_a_part_is_as_full_as_rows_allow():
    parts, _ = written([frame([("x", "y")] * 1000)], max_bytes=500)

    row_bytes = len('"x","y"\n')
    assert all(500 - row_bytes < part.bytes <= 500 for part in parts[:-1])


def test_files_have_no_bom_and_quote_everything():
    _, texts = written([frame([("é", "")])])

    assert texts == {0: '"Name","Acc__r.ERP_Id__c"\n"é",""\n'.encode()}


def test_no_rows_make_no_part():
    assert written([]) == ([], {})
    assert written([frame([])]) == ([], {})


def test_a_row_longer_than_a_part_is_an_error_with_numbers():
    with pytest.raises(RowSizeError, match=r"A row takes 1,0\d\d bytes .* may have 500"):
        written([frame([("a", "b"), ("x" * 1000, "")])], max_bytes=500)
