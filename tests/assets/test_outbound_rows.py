"""Rows of a query as what is compared and sent."""

import json

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.outbound_rows import REFUSED, content_hashes, kept_batches, split
from assets.scratch_tables import numbered
from resources.warehouse.load_adapter import HASH, KEPT_SCHEMA, KEY

TEXTS = st.text(st.characters(codec="utf-8"), max_size=6)
ROWS = st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=12)


def cells(rows: list[tuple[str, ...]]) -> pa.RecordBatch:
    columns = [pa.array([row[i] for row in rows], pa.string()) for i in range(3)]
    return pa.RecordBatch.from_arrays(columns, names=["A", "B", "C"])


@given(rows=ROWS)
def test_rows_have_one_hash_exactly_if_all_their_cells_are_equal(rows: list[tuple[str, ...]]):
    hashes = content_hashes(cells(rows), "version").to_pylist()

    by_row = dict(zip(rows, hashes, strict=True))
    assert hashes == [by_row[row] for row in rows]
    assert len(set(hashes)) == len(set(rows))


def test_text_that_looks_like_the_border_between_cells_makes_no_rows_alike():
    rows = [("a\x1fb", "c", ""), ("a", "b\x1fc", ""), ("", "a\x1fb\x1fc", "")]

    assert len(set(content_hashes(cells(rows), "version").to_pylist())) == 3


@given(rows=ROWS)
def test_another_mapping_gives_other_hashes(rows: list[tuple[str, ...]]):
    one, other = (content_hashes(cells(rows), version).to_pylist() for version in ("1", "2"))

    assert not set(one) & set(other)


@given(rows=ROWS)
def test_the_order_of_the_mapping_makes_no_difference(rows: list[tuple[str, ...]]):
    mapped = cells(rows)

    assert content_hashes(mapped.select(["C", "A", "B"]), "v") == content_hashes(mapped, "v")


def test_a_value_in_another_field_is_another_row():
    mapped = cells([("key", "Ada", "Lovelace")])

    mended = mapped.rename_columns(["A", "C", "B"])

    assert content_hashes(mended, "v") != content_hashes(mapped, "v")


@given(hashes=st.lists(st.sampled_from("abc"), min_size=1, max_size=20))
@settings(max_examples=15, deadline=None)
def test_numbered_rows_have_keys_that_depend_on_the_rows_alone(hashes: list[str]):
    def keys(order: list[str]) -> set[str]:
        batch = pa.RecordBatch.from_pydict({KEY: order, HASH: order})
        reader = pa.RecordBatchReader.from_batches(batch.schema, [batch])
        with numbered(reader, KEY, HASH) as with_keys:
            return set(with_keys.read_all()[KEY].to_pylist())

    found = keys(hashes)
    assert len(found) == len(hashes)
    assert found == keys(list(reversed(hashes)))


def test_a_row_is_either_sent_or_refused():
    why = {"error_code": "TIDEGATE_TOO_LONG", "error_message": "too long", "error_fields": ["A"]}
    batch = pa.RecordBatch.from_pylist(
        [
            {KEY: "1", HASH: "h1", "A": "x", REFUSED: ""},
            {KEY: "2", HASH: "h2", "A": "y", REFUSED: json.dumps(why)},
        ]
    )

    good, refused = split(batch)

    assert good.to_pylist() == [{KEY: "1", HASH: "h1", "A": "x"}]
    [outcome] = refused.to_pylist()
    assert (outcome[KEY], outcome["outcome"]) == ("2", "failed")
    assert {name: outcome[name] for name in why} == why
    assert outcome["payload"] == '{"A": "y"}'


def test_kept_rows_leave_fields_alone_that_they_had_not_when_they_were_sent():
    rows = [{KEY: "1", "payload": '{"A": "x", "Gone": "y"}'}]
    kept = pa.RecordBatch.from_pylist(rows, schema=KEPT_SCHEMA)
    schema = pa.schema([pa.field(name, pa.string()) for name in (KEY, HASH, "A", "New", REFUSED)])

    [batch] = kept_batches(iter([kept]), schema, "version")

    [row] = batch.to_pylist()
    assert (row["A"], row["New"], row[REFUSED]) == ("x", "", "")
