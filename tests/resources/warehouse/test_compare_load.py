"""Which rows of a load are sent: those that Salesforce isn't known to hold."""

import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.warehouse.adapter import ColumnSpec, TableSpec
from resources.warehouse.duckdb_adapter import DuckDBWarehouse
from resources.warehouse.errors import LoadColumnError, LoadKeyError, LoadOrgError
from resources.warehouse.load_adapter import (
    KEY,
    DriftExample,
    ImageColumn,
    LoadDiff,
    LoadImage,
    ParentTable,
)
from tests.resources.warehouse.harbour import never_reread, reader
from tests.resources.warehouse.loads import ORG, at, compare, load_rows, record

A, B, C = ("a", "1"), ("b", "2"), ("c", "3")
EXAMPLES = int(os.environ.get("TIDEGATE_EXAMPLES", "10"))


@pytest.fixture
def warehouse(tmp_path):
    return DuckDBWarehouse(tmp_path / "warehouse.duckdb", lock_timeout_s=5)


TABLE = TableSpec(
    "salesforce",
    "order_c",
    (
        ColumnSpec("id", pa.string()),
        ColumnSpec("key_c", pa.string()),
        ColumnSpec("value_c", pa.string()),
    ),
)
IMAGE = LoadImage(
    "salesforce",
    "order_c",
    "key_c",
    (ImageColumn("Key__c", "key_c"), ImageColumn("Value__c", "value_c")),
)


def merge(warehouse, spec, rows):
    """Images as their own columns, the second of the read, deleted."""
    rows = [(*row[:-2], at(row[-2]), at(row[-2]), at(row[-2]), row[-1]) for row in rows]
    warehouse.merge_images(
        spec,
        reader(spec.image_schema(), rows),
        object_name="Order__c",
        org_id=ORG,
        run_id="inbound",
        reread=never_reread,
    )


def test_a_first_load_sends_everything_before_there_is_a_warehouse(warehouse):
    keys, found = compare(warehouse, [A, B])

    assert sorted(keys) == ["a", "b"]
    assert found.diff == LoadDiff(2, 0, 0, 0, 0, 0, 2)
    assert not warehouse.path.exists()


def test_only_rows_that_are_new_or_changed_are_sent(warehouse):
    record(warehouse, {A: "accepted", B: "accepted", C: "failed"})

    keys, found = compare(warehouse, [A, ("b", "other"), C, ("d", "4")])

    assert sorted(keys) == ["b", "c", "d"]
    assert found.diff == LoadDiff(2, 1, 1, 0, 0, 0, 3)


def test_rows_arrive_as_they_came_in_sorted_by_parent(warehouse):
    rows = [("a", "x", "P2"), ("b", "#N/A", "P1"), ("c", "", "P2"), ("d", "é\n\"'", "P1")]
    cells = ("Key__c", "Value__c", "Parent__c")

    with warehouse.compare_load(
        "orders", load_rows(rows, cells), org_id=ORG, order_by=["Parent__c", KEY]
    ) as found:
        assert found.rows.schema == load_rows(rows, cells).schema
        sent = found.rows.read_all()

    ordered = load_rows([rows[n] for n in (1, 3, 0, 2)], cells).read_all()
    assert sent.to_pylist() == ordered.to_pylist()


def test_all_rows_are_sent_if_asked_for(warehouse):
    record(warehouse, {A: "accepted"})

    keys, found = compare(warehouse, [A, B], send="all")

    assert sorted(keys) == ["a", "b"]
    assert (found.diff.unchanged, found.diff.to_send) == (1, 2)


def test_keys_that_vanished_are_told(warehouse):
    record(warehouse, {A: "accepted", B: "accepted"})

    _, found = compare(warehouse, [B])

    assert (found.diff.vanished, found.vanished_keys) == (1, ("a",))


def test_a_replay_sends_exactly_the_rows_that_were_kept(warehouse):
    record(warehouse, {A: "failed", B: "accepted", C: "unprocessed", ("d", "4"): "failed"})

    keys, found = compare(warehouse, [("a", "mended"), B, C], only_kept=["failed"])

    assert keys == ["a"]
    assert (found.diff.rows, found.diff.vanished, found.vanished_keys) == (1, 1, ("d",))


def test_rows_without_key_or_of_one_key_stop_the_load(warehouse):
    with pytest.raises(LoadKeyError) as error:
        compare(warehouse, [("", "1"), ("x", "1"), ("x", "2"), ("y", "1")])

    assert (error.value.keyless, error.value.repeated_keys) == (1, 1)
    assert (error.value.repeated_rows, error.value.examples) == (2, ("x",))


def test_keys_that_differ_in_case_alone_are_one_key_where_salesforce_says_so(warehouse):
    record(warehouse, {("A", "1"): "accepted"}, fold_keys=True)

    with pytest.raises(LoadKeyError):
        compare(warehouse, [("x", "1"), ("X", "1")], fold_keys=True)
    _, found = compare(warehouse, [("a", "1")], fold_keys=True)
    assert (found.diff.changed, found.diff.vanished) == (1, 0)
    assert sorted(compare(warehouse, [("x", "1"), ("X", "1")])[0]) == ["X", "x"]


def test_another_org_is_refused(warehouse):
    record(warehouse, {A: "accepted"})

    with pytest.raises(LoadOrgError):
        compare(warehouse, [A], org_id="00D000000000002AAA")


def test_a_column_that_is_missing_is_named(warehouse):
    merge(warehouse, TABLE, [])
    image = LoadImage("salesforce", "order_c", "key_c", (ImageColumn("Value__c", "other_c"),))

    with pytest.raises(LoadColumnError, match="other_c"):
        compare(warehouse, [A], image=image)
    with pytest.raises(LoadColumnError, match="Parent__c"):
        compare(warehouse, [A], order_by=["Parent__c"])


def test_rows_may_come_straight_from_a_query_of_the_same_warehouse(warehouse):
    record(warehouse, {A: "accepted"})
    sql = 'SELECT key AS _key, hash AS _hash, key AS "Key__c" FROM _tidegate.load_state'

    with (
        warehouse.query(sql) as rows,
        warehouse.compare_load("orders", rows, org_id=ORG) as found,
    ):
        assert found.diff.unchanged == 1


def test_an_error_of_the_rows_comes_out_as_it_was_raised(warehouse):
    rows = load_rows([A])

    def broken():
        yield from rows
        raise KeyError("mapping")

    broken_rows = pa.RecordBatchReader.from_batches(rows.schema, broken())
    with pytest.raises(KeyError), warehouse.compare_load("orders", broken_rows, org_id=ORG):
        pass


def test_nothing_is_left_beside_the_warehouse(warehouse):
    compare(warehouse, [A])

    assert list(warehouse.path.parent.iterdir()) == []


def test_rows_that_came_from_salesforce_are_not_sent_back(warehouse):
    merge(warehouse, TABLE, [("1", "a", "1", 5, False), ("2", "b", "other", 5, False)])

    keys, found = compare(warehouse, [A, B, C], image=IMAGE)
    _, again = compare(warehouse, [A], image=IMAGE)

    assert sorted(keys) == ["b", "c"]
    assert found.diff == LoadDiff(2, 0, 0, 1, 0, 0, 2)
    assert again.diff.unchanged == 1


def test_a_dry_run_remembers_nothing(warehouse):
    merge(warehouse, TABLE, [("1", "a", "1", 5, False)])

    compare(warehouse, [A], image=IMAGE, dry_run=True)

    assert warehouse.accepted_rows("orders") == 0


def test_a_row_that_is_changed_back_after_it_was_in_sync_is_sent(warehouse):
    record(warehouse, {A: "accepted"}, second=10)
    merge(warehouse, TABLE, [("1", "a", "2", 20, False)])
    assert compare(warehouse, [("a", "2")], image=IMAGE)[0] == []

    assert compare(warehouse, [A], image=IMAGE)[0] == ["a"]


def test_an_image_from_before_the_last_acceptance_says_nothing(warehouse):
    merge(warehouse, TABLE, [("1", "a", "0", 5, False)])
    record(warehouse, {A: "accepted"}, second=10)

    keys, found = compare(warehouse, [A], image=IMAGE, drift="overwrite")
    changed_back, _ = compare(warehouse, [("a", "0")], image=IMAGE)

    assert (keys, found.diff.unchanged) == ([], 1)
    assert changed_back == ["a"]


@pytest.mark.parametrize(
    ("drift", "sent", "drifted"), [("overwrite", ["a"], 1), ("report", [], 1), ("ignore", [], 0)]
)
def test_a_field_that_was_changed_in_salesforce_is_handled_as_asked(
    warehouse, drift, sent, drifted
):
    record(warehouse, {A: "accepted", B: "accepted"}, second=10)
    merge(warehouse, TABLE, [("1", "a", "theirs", 20, False), ("2", "b", "2", 20, False)])

    keys, found = compare(warehouse, [A, B], image=IMAGE, drift=drift)

    assert keys == sent
    assert (found.diff.drifted, found.diff.unchanged) == (drifted, 2 - drifted)
    assert found.drift == ((DriftExample("a", "Value__c", "1", "theirs"),) if drifted else ())


def test_a_record_that_was_deleted_in_salesforce_has_drifted(warehouse):
    record(warehouse, {A: "accepted"}, second=10)
    merge(warehouse, TABLE, [("1", "a", "1", 20, True)])

    _, found = compare(warehouse, [A], image=IMAGE)

    assert found.drift == (DriftExample("a", None, None, None),)


def test_a_live_record_counts_before_a_deleted_one_of_the_same_key(warehouse):
    merge(warehouse, TABLE, [("1", "a", "1", 5, False), ("2", "a", "old", 9, True)])

    assert compare(warehouse, [A], image=IMAGE)[1].diff.in_sync == 1


def test_a_cell_that_leaves_its_field_alone_is_not_compared(warehouse):
    merge(warehouse, TABLE, [("1", "a", "whatever", 5, False)])

    assert compare(warehouse, [("a", "")], image=IMAGE)[1].diff.in_sync == 1


def test_a_row_with_a_cell_that_no_column_shows_is_sent(warehouse):
    merge(warehouse, TABLE, [("1", "a", "1", 5, False), ("2", "b", "2", 5, False)])
    rows = load_rows([(*A, "x"), (*B, "")], ("Key__c", "Value__c", "Hidden__c"))

    with warehouse.compare_load("orders", rows, org_id=ORG, image=IMAGE) as found:
        assert found.rows.read_all().column(KEY).to_pylist() == ["a"]


TYPED = TableSpec(
    "salesforce",
    "typed_c",
    (
        ColumnSpec("id", pa.string()),
        ColumnSpec("key_c", pa.decimal128(18, 0)),
        ColumnSpec("amount", pa.decimal128(18, 2)),
        ColumnSpec("day", pa.date32()),
        ColumnSpec("moment", pa.timestamp("ms", "UTC")),
        ColumnSpec("flag", pa.bool_()),
        ColumnSpec("tags", pa.list_(pa.string())),
        ColumnSpec("note", pa.string()),
    ),
)
TYPED_IMAGE = LoadImage(
    "salesforce",
    "typed_c",
    "key_c",
    (
        ImageColumn("Key__c", "key_c"),
        ImageColumn("Amount", "amount"),
        ImageColumn("Day", "day"),
        ImageColumn("Moment", "moment"),
        ImageColumn("Flag", "flag"),
        ImageColumn("Tags", "tags"),
        ImageColumn("Note", "note"),
    ),
)
TYPED_CELLS = tuple(column.cell for column in TYPED_IMAGE.columns)
MOMENT = datetime(2026, 9, 3, 14, 34, 5, tzinfo=UTC)
FULL = ("7", Decimal("12.50"), date(2026, 9, 3), MOMENT, True, ["b", "a"], "x")
EMPTY = ("7", None, None, None, None, None, None)


@pytest.mark.parametrize(
    ("there", "cells", "same"),
    [
        (FULL, ("7", "12.5", "2026-09-03", "2026-09-03T14:34:05.000Z", "true", "a;b", "x"), True),
        (FULL, ("7.0", "1.25E1", "", "2026-09-03T16:34:05+02:00", "1", "b;a", " x\n"), True),
        (FULL, ("7", "12.51", "", "", "", "", ""), False),
        (FULL, ("7", "", "2026-09-04", "", "", "", ""), False),
        (FULL, ("7", "", "", "2026-09-03T14:34:06Z", "", "", ""), False),
        (FULL, ("7", "", "", "", "false", "", ""), False),
        (FULL, ("7", "", "", "", "", "a", ""), False),
        (FULL, ("7", "", "", "", "", "", "X"), False),
        (FULL, ("7", "#N/A", "", "", "", "", ""), False),
        (FULL, ("7", "nonsense", "", "", "", "", ""), False),
        (EMPTY, ("7", "#N/A", "#N/A", "#N/A", "#N/A", "#N/A", "#N/A"), True),
        (EMPTY, ("7", "0", "", "", "", "", ""), False),
        (EMPTY, ("7", "nonsense", "", "", "", "", ""), False),
        (EMPTY, ("7", "", "", "", "", "a", ""), False),
        (EMPTY, ("7", "", "", "", "", "", "x"), False),
    ],
)
def test_cells_are_compared_as_what_they_mean(warehouse, there, cells, same):
    merge(warehouse, TYPED, [("1", Decimal(there[0]), *there[1:], 5, False)])

    rows = load_rows([cells], TYPED_CELLS)
    with warehouse.compare_load("orders", rows, org_id=ORG, image=TYPED_IMAGE) as found:
        assert found.diff.in_sync == (1 if same else 0)


ACCOUNT = TableSpec(
    "salesforce",
    "account",
    (ColumnSpec("id", pa.string()), ColumnSpec("erp_id_c", pa.string())),
)
CHILD = TableSpec(
    "salesforce",
    "child_c",
    (
        ColumnSpec("id", pa.string()),
        ColumnSpec("key_c", pa.string()),
        ColumnSpec("account_c", pa.string()),
    ),
)
CHILD_IMAGE = LoadImage(
    "salesforce",
    "child_c",
    "key_c",
    (
        ImageColumn("Key__c", "key_c"),
        ImageColumn(
            "Account__r.ERP_Id__c", "account_c", ParentTable("salesforce", "account", "erp_id_c")
        ),
    ),
)


def test_a_parent_named_by_its_external_id_is_compared_through_its_table(warehouse):
    merge(warehouse, ACCOUNT, [("001", "E1", 5, False), ("002", "E2", 5, False)])
    merge(
        warehouse,
        CHILD,
        [("1", "a", "001", 5, False), ("2", "b", "001", 5, False), ("3", "c", None, 5, False)],
    )
    rows = load_rows([("a", "e1"), ("b", "E2"), ("c", "#N/A")], ("Key__c", "Account__r.ERP_Id__c"))

    with warehouse.compare_load("orders", rows, org_id=ORG, image=CHILD_IMAGE) as found:
        assert found.rows.read_all().column(KEY).to_pylist() == ["b"]
        assert found.diff.in_sync == 2


def test_without_the_parent_s_table_its_cell_can_not_be_seen(warehouse):
    merge(warehouse, CHILD, [("1", "a", "001", 5, False)])
    rows = load_rows([("a", "E1")], ("Key__c", "Account__r.ERP_Id__c"))

    with warehouse.compare_load("orders", rows, org_id=ORG, image=CHILD_IMAGE) as found:
        assert found.diff.new == 1


keys = st.sampled_from("abcdefgh")
values = st.sampled_from(["", "#N/A", "1", "2"])
accepted = st.dictionaries(keys, st.tuples(st.sampled_from(["#N/A", "1", "2"]), st.integers(1, 4)))
images = st.dictionaries(
    keys, st.tuples(st.sampled_from([None, "1", "2"]), st.integers(1, 4), st.booleans())
)


def expected(value, state, image, drift):
    """The rule, once more: what one row is."""
    seen = image if image and (state is None or 10 * image[1] > 10 * state[1] + 1) else None
    same = seen and not seen[2] and value in ("", "#N/A" if seen[0] is None else seen[0])
    if state is None:
        return "in_sync" if same else "new"
    if state[0] != value:
        return "in_sync" if same else "changed"
    return "drifted" if seen and not same and drift != "ignore" else "unchanged"


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    rows=st.dictionaries(keys, values),
    accepted=accepted,
    images=images,
    drift=st.sampled_from(["overwrite", "report", "ignore"]),
)
def test_any_rows_state_and_images_are_judged_by_the_rule(rows, accepted, images, drift):
    with TemporaryDirectory() as folder:
        warehouse = DuckDBWarehouse(Path(folder) / "warehouse.duckdb")
        for number, (key, (value, tens)) in enumerate(accepted.items()):
            record(warehouse, {(key, value): "accepted"}, part=number, second=10 * tens)
        merge(warehouse, TABLE, [(k, k, v, 10 * s, d) for k, (v, s, d) in images.items()])
        verdicts = {
            key: expected(value, accepted.get(key), images.get(key), drift)
            for key, value in rows.items()
        }
        sent, found = compare(warehouse, rows.items(), image=IMAGE, drift=drift)
        again = compare(warehouse, rows.items(), image=IMAGE, drift=drift)[1]

        count = list(verdicts.values()).count
        diff = found.diff
        assert (diff.new, diff.changed, diff.unchanged) == tuple(
            count(verdict) for verdict in ("new", "changed", "unchanged")
        )
        assert (diff.in_sync, diff.drifted) == (count("in_sync"), count("drifted"))
        assert diff.vanished == len(accepted.keys() - rows.keys())
        to_send = {"new", "changed"} | ({"drifted"} if drift == "overwrite" else set())
        assert sorted(sent) == sorted(k for k, v in verdicts.items() if v in to_send)
        assert (again.diff.in_sync, again.diff.to_send) == (0, diff.to_send)
