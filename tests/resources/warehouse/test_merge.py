"""Single merges: what is counted, what is refused, what becomes of rows."""

from datetime import date, time
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest

from resources.warehouse.adapter import (
    ApiCalls,
    ColumnSpec,
    ReadInterval,
    RereadAnswer,
    TableSpec,
    WindowRow,
)
from resources.warehouse.dialect import quoted
from resources.warehouse.duckdb_adapter import DuckDBWarehouse
from resources.warehouse.errors import (
    ImageError,
    RereadError,
    SchemaChangeError,
    WarehouseSpaceError,
    WrongOrgError,
)
from tests.resources.warehouse.harbour import (
    ORG,
    image_rows,
    merge,
    never_reread,
    reader,
    reread_with,
    rows_of,
    table_spec,
)
from tests.resources.warehouse.image_model import GONE, Image, second


@pytest.fixture
def warehouse(tmp_path):
    return DuckDBWarehouse(tmp_path / "warehouse.duckdb", lock_timeout_s=5)


def counts(result):
    return result.inserted, result.updated, result.deleted, result.unchanged


def test_a_first_merge_inserts_and_a_repeated_one_changes_nothing(warehouse):
    images = [Image("a", 1, 10, 11, "x"), Image("b", 1, 10, 11, None)]

    first = merge(warehouse, table_spec(), images)
    again = merge(warehouse, table_spec(), images)

    assert counts(first) == (2, 0, 0, 0)
    assert counts(again) == (0, 0, 0, 2)
    assert rows_of(warehouse.path, table_spec()) == {"a": ("x", False), "b": (None, False)}


def test_only_rows_that_changed_get_a_new_run_id(warehouse):
    spec = table_spec()
    merge(warehouse, spec, [Image("a", 1, 10, 11, "x"), Image("b", 1, 10, 11, "x")])

    later = [Image("a", 1, 20, 21, "x"), Image("b", 2, 20, 21, "y")]
    result = merge(warehouse, spec, later, run_id="run-2")

    assert counts(result) == (0, 1, 0, 1)
    rows = rows_of(warehouse.path, spec, "_run_id, _read_to")
    assert rows == {"a": ("run-1", second(21)), "b": ("run-2", second(21))}


def test_a_deleted_record_is_flagged_and_comes_back_when_undeleted(warehouse):
    spec = table_spec()
    merge(warehouse, spec, [Image("a", 1, 10, 11, "x")])

    deleted = merge(warehouse, spec, [Image("a", 2, 20, 21, "x", deleted=True)])
    flagged = rows_of(warehouse.path, spec)
    undeleted = merge(warehouse, spec, [Image("a", 3, 30, 31, "x")])

    assert counts(deleted) == (0, 0, 1, 0)
    assert flagged == {"a": ("x", True)}
    assert counts(undeleted) == (0, 1, 0, 0)
    assert rows_of(warehouse.path, spec) == {"a": ("x", False)}


def test_a_removed_record_stays_away_from_older_images_and_returns_with_newer_ones(warehouse):
    spec = table_spec(deletes="remove")
    merge(warehouse, spec, [Image("a", 1, 10, 11, "x")])

    removed = merge(warehouse, spec, [Image("a", 3, 30, 31, "x", deleted=True)])
    older = merge(warehouse, spec, [Image("a", 2, 20, 21, "y")])
    gone = rows_of(warehouse.path, spec)
    undeleted = merge(warehouse, spec, [Image("a", 4, 40, 41, "x")])

    assert counts(removed) == (0, 0, 1, 0)
    assert counts(older) == (0, 0, 0, 1)
    assert gone == {}
    assert counts(undeleted) == (1, 0, 0, 0)


def test_a_record_that_stops_matching_is_removed_and_returns_when_it_matches_again(warehouse):
    spec = table_spec(filtered=True)
    merge(warehouse, spec, [Image("a", 1, 10, 11, "x"), Image("b", 1, 10, 11, "x")])

    result = merge(warehouse, spec, [Image("a", 2, 20, 21, GONE)])
    late = merge(warehouse, spec, [Image("a", 1, 10, 11, "x")])
    without = rows_of(warehouse.path, spec)
    merge(warehouse, spec, [Image("a", 3, 30, 31, "y")])

    assert counts(result) == (0, 0, 1, 0)
    assert counts(late) == (0, 0, 0, 1)
    assert without == {"b": ("x", False)}
    assert rows_of(warehouse.path, spec) == {"a": ("y", False), "b": ("x", False)}


def test_of_one_second_the_later_read_wins_without_reading_again(warehouse):
    spec = table_spec()
    merge(warehouse, spec, [Image("a", 1, 20, 21, "later")])

    merge(warehouse, spec, [Image("a", 1, 10, 19, "earlier")])

    assert rows_of(warehouse.path, spec) == {"a": ("later", False)}


def test_images_that_lie_before_the_newest_of_a_batch_are_not_read_again(warehouse):
    images = [Image("a", 1, 0, 5, "x"), Image("a", 1, 4, 9, "y"), Image("a", 1, 20, 21, "z")]

    merge(warehouse, table_spec(), images, reread=never_reread)

    assert rows_of(warehouse.path, table_spec()) == {"a": ("z", False)}


def test_of_one_second_overlapping_reads_with_other_values_are_read_again(warehouse):
    spec = table_spec()
    merge(warehouse, spec, [Image("a", 1, 10, 20, "x"), Image("b", 1, 10, 20, "same")])
    asked = []

    def reread(ids, after):
        asked.append((ids, after))
        answer = image_rows(spec, [Image("a", 1, 31, 32, "z")])
        return RereadAnswer(answer, ReadInterval(second(31), second(32)))

    images = [Image("a", 1, 15, 30, "y"), Image("b", 1, 15, 30, "same")]
    result = merge(warehouse, spec, images, reread=reread)

    assert asked == [(["a"], second(30))]
    assert result.reread == 1
    assert rows_of(warehouse.path, spec) == {"a": ("z", False), "b": ("same", False)}


@pytest.mark.parametrize(
    ("filtered", "left"), [(False, {"a": ("x", True)}), (True, {})], ids=["flagged", "removed"]
)
def test_a_record_that_a_re_read_does_not_return_is_gone(warehouse, filtered, left):
    spec = table_spec(filtered=filtered)
    merge(warehouse, spec, [Image("a", 1, 10, 20, "x")])

    result = merge(
        warehouse,
        spec,
        [Image("a", 1, 15, 30, "y")],
        reread=reread_with(spec, [], 31, 32),
    )

    assert counts(result) == (0, 0, 1, 0)
    assert rows_of(warehouse.path, spec) == left


@pytest.mark.parametrize(
    "answer",
    [Image("a", 1, 30, 32, "z"), Image("a", 0, 31, 32, "z")],
    ids=["not later", "older stamp"],
)
def test_a_re_read_that_settles_nothing_is_refused_and_nothing_is_written(warehouse, answer):
    spec = table_spec()
    merge(warehouse, spec, [Image("a", 1, 10, 20, "x")])

    with pytest.raises(RereadError):
        merge(
            warehouse,
            spec,
            [Image("a", 1, 15, 30, "y"), Image("b", 1, 15, 30, "new")],
            reread=reread_with(spec, [answer], answer.lo, answer.hi),
        )

    assert rows_of(warehouse.path, spec) == {"a": ("x", False)}


def test_a_complete_read_flags_what_it_does_not_return(warehouse):
    spec = table_spec()
    merge(warehouse, spec, [Image(key, 1, 10, 11, "x") for key in "abc"])
    merge(warehouse, spec, [Image("new", 5, 40, 41, "x")])

    result = merge(warehouse, spec, [Image("a", 1, 20, 21, "x")], snapshot=(20, 21))

    assert counts(result) == (0, 0, 2, 1)
    assert rows_of(warehouse.path, spec) == {
        "a": ("x", False),
        "b": ("x", True),
        "c": ("x", True),
        "new": ("x", False),
    }


def test_complete_reads_may_come_in_any_order(warehouse):
    spec = table_spec()
    merge(warehouse, spec, [Image("a", 1, -9, -8, "x")])
    merge(warehouse, spec, [], snapshot=(20, 25))
    merge(warehouse, spec, [], snapshot=(0, 5))

    between = merge(warehouse, spec, [Image("a", 2, 10, 12, "y")])
    within = merge(
        warehouse,
        spec,
        [Image("a", 3, 22, 24, "z")],
        reread=reread_with(spec, [Image("a", 3, 31, 32, "z")], 31, 32),
    )

    assert (between.reread, within.reread) == (0, 1)
    assert rows_of(warehouse.path, spec) == {"a": ("z", False)}


def test_without_modstamp_the_later_read_wins(warehouse):
    spec = table_spec()
    merge(warehouse, spec, [Image("a", None, 20, 21, "later")])

    merge(warehouse, spec, [Image("a", None, 10, 11, "earlier")])

    assert rows_of(warehouse.path, spec) == {"a": ("later", False)}


def test_each_window_gets_its_own_counts_and_replaces_its_earlier_row(warehouse):
    spec = table_spec()
    open_window = WindowRow(second(0), second(10), open_start=True, api_calls=3)
    window = WindowRow(second(10), second(20), api_calls=1)
    merge(warehouse, spec, [Image("a", 12, 30, 31, "x")], windows=[window])

    images = [
        Image("old", -5, 30, 31, "x"),
        Image("start", 0, 30, 31, "x"),
        Image("a", 13, 30, 31, "y"),
        Image("edge", 20, 30, 31, "later window"),
    ]
    result = merge(warehouse, spec, images, windows=[open_window, window], run_id="run-2")

    assert [(w.rows, w.inserted, w.updated, w.deleted) for w in result.windows] == [
        (2, 2, 0, 0),
        (1, 0, 1, 0),
    ]
    stored = warehouse.windows(ORG, "Account")
    assert [(w.start, w.rows, w.api_calls, w.run_id) for w in stored] == [
        (second(0), 2, 3, "run-2"),
        (second(10), 1, 1, "run-2"),
    ]


def test_api_calls_are_written_once_per_run_even_if_the_step_is_retried(warehouse):
    calls = [ApiCalls("salesforce/account", "bulk", 4), ApiCalls("salesforce/account", "rest", 1)]

    merge(warehouse, table_spec(), [], api_calls=calls)
    merge(warehouse, table_spec(), [], api_calls=calls)

    assert sorted(warehouse.api_calls("run-1"), key=lambda c: c.api) == calls


def test_every_type_comes_back_exactly(warehouse):
    types = {
        "id": pa.string(),
        "tags": pa.list_(pa.string()),
        "amount": pa.decimal128(18, 2),
        "huge": pa.decimal128(38, 10),
        "count": pa.int32(),
        "big": pa.int64(),
        "ratio": pa.float64(),
        "day": pa.date32(),
        "moment": pa.timestamp("ms", "UTC"),
        "clock": pa.time32("ms"),
        "yes": pa.bool_(),
    }
    columns = tuple(ColumnSpec(name, kind) for name, kind in types.items())
    spec = TableSpec("salesforce", "all_types", columns)
    moment = second(1).replace(microsecond=123000)
    values = [
        "001000000000001AAA",
        ["a;b", "", "ü"],
        Decimal("-12345678901234.56"),
        Decimal("1234567890123456789012345678.0123456789"),
        2**31 - 1,
        2**63 - 1,
        0.1,
        date(4000, 12, 31),
        moment,
        time(23, 59, 59, 999000),
        True,
    ]
    empty = ["001000000000002AAA", *[None] * 10]
    bookkeeping = [second(1), second(2), second(3), False]
    images = reader(spec.image_schema(), [values + bookkeeping, empty + bookkeeping])

    warehouse.merge_images(
        spec, images, object_name="X", org_id=ORG, run_id="r", reread=never_reread
    )

    names = ", ".join(f'"{name}"' for name in types if name != "id")
    rows = rows_of(warehouse.path, spec, names)
    assert list(rows[values[0]]) == values[1:]
    assert rows[empty[0]] == (None,) * 10
    assert warehouse.table_columns("salesforce", "all_types")["tags"] == "VARCHAR[]"


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, []), ([], [None]), (["a", "b"], ["b", "a"]), (["a"], ["a", None]), ("", None)],
)
def test_a_list_that_changed_within_a_second_is_noticed(warehouse, before, after):
    kind = pa.string() if before == "" else pa.list_(pa.string())
    columns = (ColumnSpec("id", pa.string()), ColumnSpec("value", kind))
    spec = TableSpec("salesforce", "lists", columns)
    for value, lo in ((before, 10), (after, 20)):
        row = ["a", value, second(1), second(lo), second(lo + 1), False]
        result = warehouse.merge_images(
            spec,
            reader(spec.image_schema(), [row]),
            object_name="X",
            org_id=ORG,
            run_id="r",
            reread=never_reread,
        )

    assert counts(result) == (0, 1, 0, 0)
    assert rows_of(warehouse.path, spec, "value") == {"a": (after,)}


@pytest.mark.parametrize("others", [0, 40], ids=["delete and insert", "merge"])
def test_columns_may_have_any_name(warehouse, others):
    names = ["select", "key", "gone", "torn", "top", "latest", "lo", "hi", "n", "t", "g", "s", "v"]
    names += ["same", "action", "one", 'a "quoted" name', "Größe", "per_key", "known", "d"]
    columns = tuple(ColumnSpec(name, pa.string()) for name in ["id", *names])
    spec = TableSpec("order", "group", columns)

    def put(key, s, value, lo):
        return [key, *[value] * len(names), second(s), second(lo), second(lo + 1), False]

    def load(*rows):
        return warehouse.merge_images(
            spec,
            reader(spec.image_schema(), rows),
            object_name="Order",
            org_id=ORG,
            run_id="r",
            reread=never_reread,
        )

    load(put("a", 1, "x", 10), put("a", 2, "y", 20))
    load(*(put(f"{n}", 1, "x", 10) for n in range(others)))
    same = load(put("a", 2, "y", 21))
    changed = load(put("a", 3, "z", 30))

    assert (counts(same), counts(changed)) == ((0, 0, 0, 1), (0, 1, 0, 0))
    assert set(rows_of(warehouse.path, spec, ", ".join(map(quoted, names)))["a"]) == {"z"}


def test_a_new_column_is_added_and_filled_by_new_images(warehouse):
    merge(warehouse, table_spec(), [Image("a", 1, 10, 11, "x"), Image("b", 1, 10, 11, "x")])
    wider = TableSpec(
        "salesforce", "account", (*table_spec().columns, ColumnSpec("size", pa.int32()))
    )
    row = ["a", "x", 7, second(1), second(20), second(21), False]

    result = warehouse.merge_images(
        wider,
        reader(wider.image_schema(), [row]),
        object_name="Account",
        org_id=ORG,
        run_id="r",
        reread=never_reread,
    )

    assert counts(result) == (0, 1, 0, 0)
    assert rows_of(warehouse.path, wider, "value, size") == {"a": ("x", 7), "b": ("x", None)}


@pytest.mark.parametrize("others", [0, 20], ids=["delete and insert", "merge"])
def test_a_column_that_is_no_longer_synced_becomes_null_in_rows_that_change(warehouse, others):
    merge(
        warehouse,
        table_spec(),
        [Image(f"{n}", 1, 10, 11, "x") for n in range(others)] + [Image("a", 1, 10, 11, "x")],
    )
    narrow = TableSpec("salesforce", "account", (ColumnSpec("id", pa.string()),))
    row = ["a", second(2), second(20), second(21), False]

    warehouse.merge_images(
        narrow,
        reader(narrow.image_schema(), [row]),
        object_name="Account",
        org_id=ORG,
        run_id="r",
        reread=never_reread,
    )

    rows = rows_of(warehouse.path, table_spec())
    assert rows.pop("a") == (None, False)
    assert set(rows.values()) <= {("x", False)}
    assert len(rows) == others


def test_a_decimal_with_more_digits_widens_its_column_and_no_other_row_changes(warehouse):
    def merge_amounts(decimal, *amounts):
        columns = (ColumnSpec("id", pa.string()), ColumnSpec("amount", decimal))
        spec = TableSpec("salesforce", "account", columns)
        rows = [
            (key, Decimal(amount), second(s), second(20 + s), second(21 + s), False)
            for key, amount, s in amounts
        ]
        result = warehouse.merge_images(
            spec,
            reader(spec.image_schema(), rows),
            object_name="Account",
            org_id=ORG,
            run_id="r",
            reread=never_reread,
        )
        return counts(result), rows_of(warehouse.path, spec, "amount")

    described, wide = pa.decimal128(18, 2), pa.decimal128(38, 20)
    merge_amounts(described, ("a", "1.50", 1), ("b", "2.50", 1))

    assert merge_amounts(wide, ("a", "1.5", 1), ("b", "0.0000000000000000001", 2)) == (
        (0, 1, 0, 1),
        {"a": (Decimal("1.5"),), "b": (Decimal("1E-19"),)},
    )
    assert merge_amounts(described, ("a", "1.50", 1), ("b", "3.75", 3)) == (
        (0, 1, 0, 1),
        {"a": (Decimal("1.5"),), "b": (Decimal("3.75"),)},
    )
    assert warehouse.table_columns("salesforce", "account")["amount"] == "DECIMAL(38,20)"


def test_a_column_of_another_type_is_refused_by_name_and_nothing_is_written(warehouse):
    merge(warehouse, table_spec(), [Image("a", 1, 10, 11, "x")])
    columns = (ColumnSpec("id", pa.string()), ColumnSpec("value", pa.int64()))
    spec = TableSpec("salesforce", "account", columns)

    with pytest.raises(SchemaChangeError, match="value: is VARCHAR, wanted BIGINT"):
        warehouse.merge_images(
            spec,
            reader(spec.image_schema(), []),
            object_name="Account",
            org_id=ORG,
            run_id="r",
            reread=never_reread,
        )

    assert rows_of(warehouse.path, table_spec()) == {"a": ("x", False)}


def test_another_org_behind_the_same_name_is_refused(warehouse):
    merge(warehouse, table_spec(), [Image("a", 1, 10, 11, "x")])

    with pytest.raises(WrongOrgError, match=r"TIDEGATE_WAREHOUSE_URL.*remove `.tidegate/`"):
        merge(warehouse, table_spec(), [], org_id="00D000000000002AAA")


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (Image(None, 1, 10, 11, "x"), "have no id"),
        (Image("a", 1, 11, 10, "x"), "reversed"),
        (Image("a", 1, None, 10, "x"), "no read interval"),
    ],
)
def test_images_without_key_or_interval_are_refused(warehouse, image, problem):
    with pytest.raises(ImageError, match=problem):
        merge(warehouse, table_spec(), [image])


def test_images_of_another_schema_are_refused_by_column(warehouse):
    spec = table_spec()
    schema = spec.image_schema().set(1, pa.field("value", pa.int64()))

    with pytest.raises(ImageError, match="value is int64, not VARCHAR"):
        warehouse.merge_images(
            spec,
            reader(schema, []),
            object_name="X",
            org_id=ORG,
            run_id="r",
            reread=never_reread,
        )


def test_a_reader_that_breaks_off_leaves_the_table_as_it_was(warehouse):
    spec = table_spec()
    merge(warehouse, spec, [Image("a", 1, 10, 11, "x")])
    schema = spec.image_schema()

    def batches():
        yield image_rows(spec, [Image("b", 1, 10, 11, "y")]).read_next_batch()
        raise ValueError("page 2 is cut short")

    with pytest.raises(Exception, match="page 2 is cut short"):
        warehouse.merge_images(
            spec,
            pa.RecordBatchReader.from_batches(schema, batches()),
            object_name="Account",
            org_id=ORG,
            run_id="r",
            reread=never_reread,
        )

    assert rows_of(warehouse.path, spec) == {"a": ("x", False)}


def test_a_merge_without_room_says_what_to_raise_and_leaves_the_table_as_it_was(warehouse):
    merge(warehouse, table_spec(), [Image("a", 1, 10, 11, "x")])
    cramped = DuckDBWarehouse(warehouse.path, memory_limit="4MB")
    images = [Image(f"{n:06d}", 1, 10, 11, "x" * 500 + f"{n}") for n in range(20_000)]

    with pytest.raises(WarehouseSpaceError, match=r"Out of Memory.*`memory_limit`"):
        merge(cramped, table_spec(), images)

    assert rows_of(warehouse.path, table_spec()) == {"a": ("x", False)}


def test_a_schema_may_have_the_name_of_the_file(tmp_path):
    warehouse = DuckDBWarehouse(tmp_path / "salesforce.duckdb")

    merge(warehouse, table_spec(), [Image("a", 1, 10, 11, "x")])

    assert warehouse.row_count("salesforce", "account") == 1


def test_checks_count_rows_and_bad_keys(warehouse):
    merge(warehouse, table_spec(), [Image("a", 1, 10, 11, "x"), Image("b", 1, 10, 11, "x")])
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("INSERT INTO salesforce.account (id) VALUES ('a'), ('a'), (NULL)")

    found = warehouse.key_counts("salesforce", "account")

    assert (found.rows, found.nulls, found.duplicates) == (5, 1, 2)


def test_nothing_is_there_before_the_first_merge(warehouse):
    assert warehouse.row_count("salesforce", "account") == 0
    assert warehouse.table_columns("salesforce", "account") == {}
    assert warehouse.windows(ORG, "Account") == []
    assert not warehouse.path.exists()


def test_the_state_holds_no_table_that_nothing_fills(warehouse):
    window = WindowRow(second(0), second(10), api_calls=1)
    merge(
        warehouse,
        table_spec(),
        [Image("a", 1, 10, 11, "x"), Image("b", 1, 10, 11, GONE)],
        windows=[window],
        api_calls=[ApiCalls("salesforce/account", "rest", 1)],
    )
    merge(warehouse, table_spec(), [], snapshot=(20, 21))

    with duckdb.connect(str(warehouse.path)) as connection:
        tables = connection.execute(
            "SELECT table_name, estimated_size FROM duckdb_tables() WHERE schema_name = '_tidegate'"
        ).fetchall()
    assert tables
    assert [name for name, rows in tables if rows == 0] == []
