"""What a load has to send: mapped, checked and compared, before anything is sent."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from resources.warehouse.load_adapter import OUTCOME_SCHEMA
from resources.warehouse.resource import WarehouseResource
from tests.assets.conftest import Harbour
from tests.assets.loads import FIELDS, failure_text, load_spec, put_table, run_outbound

COLUMNS = "order_no VARCHAR, amount DECIMAL(38, 2), note VARCHAR"
AMOUNT = Decimal("10.50")


def accept(harbour: Harbour, left, outcome: str = "accepted") -> None:
    """Record the rows of an outbound run as the load asset does."""
    resource: WarehouseResource = harbour.resources["warehouse_default"]
    outcomes = [
        {
            **dict.fromkeys(OUTCOME_SCHEMA.names),
            "_key": row["_key"],
            "_hash": row["_hash"],
            "outcome": outcome,
            "error_code": None if outcome == "accepted" else "SOME_ERROR",
            "payload": None
            if outcome == "accepted"
            else json.dumps({k: v for k, v in row.items() if not k.startswith("_")}),
        }
        for row in left.rows
    ]
    batch = pa.RecordBatch.from_pylist(outcomes, schema=OUTCOME_SCHEMA)
    now = datetime.now(UTC)
    resource.connect().record_outcomes(
        "orders",
        pa.RecordBatchReader.from_batches(OUTCOME_SCHEMA, [batch]),
        attempt=f"attempt at {now}",
        part=0,
        run_id="run",
        org_id=harbour.org.org_id,
        object_name="Order__c",
        sent_at=now,
        accepted_at=now,
        fold_keys=True,
    )


def test_rows_are_mapped_pruned_and_written_as_salesforce_takes_them(harbour: Harbour):
    put_table(harbour.folder, COLUMNS + ", other INT", ("SO-1", AMOUNT, None, 7))

    left = run_outbound(harbour, load_spec())

    [row] = left.rows
    assert {k: v for k, v in row.items() if k != "_hash"} == {
        "_key": "SO-1",
        "ERP_Order_Id__c": "SO-1",
        "Amount__c": "10.5",
        "Notes__c": "#N/A",
    }
    assert left.refused == []
    assert left.metadata["dagster/row_count"] == 1
    assert left.metadata["tidegate/new"] == 1


def test_nulls_leave_fields_alone_where_the_load_says_so(harbour: Harbour):
    put_table(harbour.folder, COLUMNS, ("SO-1", None, None))

    [row] = run_outbound(harbour, load_spec(nulls="leave")).rows

    assert (row["Amount__c"], row["Notes__c"]) == ("", "")


def test_an_empty_query_is_green_and_leaves_no_row(harbour: Harbour):
    put_table(harbour.folder, COLUMNS)

    left = run_outbound(harbour, load_spec())

    assert (left.rows, left.refused) == ([], [])
    assert left.metadata["dagster/row_count"] == 0


def test_rows_that_were_accepted_as_they_are_stay_out(harbour: Harbour):
    put_table(harbour.folder, COLUMNS, ("SO-1", AMOUNT, "a"), ("SO-2", AMOUNT, "b"))
    accept(harbour, run_outbound(harbour, load_spec()))

    put_table(harbour.folder, COLUMNS, ("SO-1", AMOUNT, "a"), ("SO-2", AMOUNT, "new"))
    left = run_outbound(harbour, load_spec())

    assert left.keys == ["SO-2"]
    assert left.metadata["tidegate/unchanged"] == 1
    assert left.metadata["tidegate/changed"] == 1


def test_all_rows_are_sent_if_the_load_says_so(harbour: Harbour):
    put_table(harbour.folder, COLUMNS, ("SO-1", AMOUNT, "a"))
    accept(harbour, run_outbound(harbour, load_spec()))

    assert run_outbound(harbour, load_spec(send="all")).keys == ["SO-1"]


def test_another_null_policy_sends_rows_again(harbour: Harbour):
    put_table(harbour.folder, COLUMNS, ("SO-1", AMOUNT, None))
    accept(harbour, run_outbound(harbour, load_spec(nulls="leave")))

    assert run_outbound(harbour, load_spec(nulls="clear")).keys == ["SO-1"]


def test_names_that_were_swapped_in_the_mapping_send_rows_again(harbour: Harbour):
    key = {"ERP_Order_Id__c": "order_no"}
    put_table(harbour.folder, "order_no VARCHAR, amount INT, pieces INT", ("SO-1", 10, 2))
    wrong = load_spec({**key, "Notes__c": "amount", "Amount__c": "pieces"})
    accept(harbour, run_outbound(harbour, wrong))

    mended = load_spec({**key, "Amount__c": "amount", "Notes__c": "pieces"})
    [row] = run_outbound(harbour, mended).rows

    assert (row["Amount__c"], row["Notes__c"]) == ("10", "2")


def test_another_order_of_the_mapping_sends_nothing_again(harbour: Harbour):
    put_table(harbour.folder, COLUMNS, ("SO-1", AMOUNT, "a"))
    accept(harbour, run_outbound(harbour, load_spec()))

    left = run_outbound(harbour, load_spec(dict(reversed(FIELDS.items()))))

    assert (left.keys, left.metadata["tidegate/unchanged"]) == ([], 1)


def test_another_order_of_the_mapping_inserts_nothing_again(harbour: Harbour):
    put_table(harbour.folder, COLUMNS, ("SO-1", AMOUNT, "a"), ("SO-1", AMOUNT, "a"))
    insert = {"operation": "insert", "external_id": None}
    accept(harbour, run_outbound(harbour, load_spec(**insert)))

    left = run_outbound(harbour, load_spec(dict(reversed(FIELDS.items())), **insert))

    assert left.keys == []


def test_values_that_do_not_fit_are_refused_with_their_row_and_the_rest_goes_on(harbour: Harbour):
    put_table(
        harbour.folder,
        COLUMNS,
        ("SO-1", AMOUNT, "a" * 4001),
        ("SO-2", Decimal(10**30), "b"),
        ("SO-3", AMOUNT, "c"),
    )

    left = run_outbound(harbour, load_spec())

    assert left.keys == ["SO-3"]
    refused = {row["_key"]: row for row in left.refused}
    assert refused["SO-1"]["error_code"] == "TIDEGATE_TOO_LONG"
    assert refused["SO-1"]["error_fields"] == ["Notes__c"]
    assert refused["SO-2"]["error_code"] == "TIDEGATE_TOO_MANY_DIGITS"
    assert {row["outcome"] for row in left.refused} == {"failed"}
    assert json.loads(refused["SO-1"]["payload"])["Notes__c"] == "a" * 4001
    assert left.metadata["tidegate/refused"] == 2
    assert "Notes__c: 1 row(s) are longer than the 4,000" in left.metadata["tidegate/problems"]


def test_a_date_beyond_all_years_is_refused_with_its_row_and_the_rest_goes_on(harbour: Harbour):
    put_table(harbour.folder, "order_no VARCHAR, day DATE", ("SO-1", "infinity"), ("SO-2", None))
    mapped = {"ERP_Order_Id__c": "order_no", "Order_Date__c": "day"}

    left = run_outbound(harbour, load_spec(mapped))

    assert left.keys == ["SO-2"]
    [refused] = left.refused
    assert (refused["_key"], refused["error_code"]) == ("SO-1", "TIDEGATE_DATE_OUT_OF_RANGE")
    assert json.loads(refused["payload"])["Order_Date__c"] != ""


def test_a_column_that_the_query_lacks_is_named_with_the_nearest(harbour: Harbour):
    put_table(harbour.folder, "order_no VARCHAR, amounts INT, note VARCHAR", ("SO-1", 1, "a"))

    said = failure_text(harbour, load_spec())

    assert "Amount__c: the query has no column amount; did you mean amounts" in said
    assert "nothing was sent" in said


def test_every_mistake_of_the_mapping_is_told_at_once(harbour: Harbour):
    put_table(harbour.folder, COLUMNS, ("SO-1", AMOUNT, "a"))
    fields = {
        "ERP_Order_Id__c": "order_no",
        "Amnt__c": "amount",
        "Amount_With_Tax__c": "amount",
        "Acount__r.ERP_Id__c": "note",
    }

    said = failure_text(harbour, load_spec(fields))

    assert "Amnt__c: " in said
    assert "Amount__c" in said
    assert "Amount_With_Tax__c: is a formula" in said
    assert "Acount__r.ERP_Id__c: it has no relationship Acount__r" in said


def test_a_field_that_is_no_external_id_finds_no_record(harbour: Harbour):
    put_table(harbour.folder, COLUMNS, ("SO-1", AMOUNT, "a"))

    said = failure_text(
        harbour, load_spec({"Notes__c": "note", "Amount__c": "amount"}, external_id="Notes__c")
    )

    assert "Notes__c: isn't an external id" in said


def test_an_insert_needs_every_required_field(harbour: Harbour):
    put_table(harbour.folder, COLUMNS, ("SO-1", AMOUNT, "a"))
    spec = load_spec({"Email": "note"}, object="Contact", operation="insert", external_id=None)

    assert "LastName: every new record needs it" in failure_text(harbour, spec)


def test_rows_without_a_key_stop_the_load(harbour: Harbour):
    put_table(harbour.folder, COLUMNS, ("SO-1", AMOUNT, "a"), (None, AMOUNT, "b"))

    assert "1 row(s) have no key" in failure_text(harbour, load_spec())


def test_two_rows_of_one_key_stop_the_load_whatever_their_case(harbour: Harbour):
    put_table(harbour.folder, COLUMNS, ("SO-1", AMOUNT, "a"), ("so-1", AMOUNT, "b"))

    assert "2 rows share 1 key(s)" in failure_text(harbour, load_spec())


def test_two_rows_of_one_key_are_found_if_one_of_them_is_refused(harbour: Harbour):
    put_table(harbour.folder, COLUMNS, ("SO-1", AMOUNT, "a"), ("SO-1", Decimal(10**30), "b"))

    assert "2 rows share 1 key(s)" in failure_text(harbour, load_spec())


def test_equal_rows_of_an_insert_without_key_are_told_apart(harbour: Harbour):
    rows = [("a", AMOUNT, "x"), ("a", AMOUNT, "x"), ("b", AMOUNT, "y")]
    put_table(harbour.folder, COLUMNS, *rows)
    spec = load_spec(
        {"Amount__c": "amount", "Notes__c": "note"}, operation="insert", external_id=None
    )

    first = run_outbound(harbour, spec)
    put_table(harbour.folder, COLUMNS, *reversed(rows))
    again = run_outbound(harbour, spec)

    assert len(set(first.keys)) == 3
    assert sorted(first.keys) == sorted(again.keys)


def test_rows_of_one_parent_follow_each_other(harbour: Harbour):
    put_table(
        harbour.folder,
        COLUMNS,
        *[(f"SO-{n}", AMOUNT, f"ERP-{n % 3}") for n in range(9)],
    )
    fields = {"ERP_Order_Id__c": "order_no", "Account__r.ERP_Id__c": "note"}

    left = run_outbound(harbour, load_spec(fields))

    parents = [row["Account__r.ERP_Id__c"] for row in left.rows]
    assert parents == sorted(parents)


def test_the_table_of_an_asset_is_read_without_deleted_rows(harbour: Harbour):
    put_table(
        harbour.folder,
        COLUMNS + ", _deleted BOOLEAN",
        ("SO-1", AMOUNT, "a", False),
        ("SO-2", AMOUNT, "b", True),
    )

    left = run_outbound(harbour, load_spec(sql=None, asset=("erp", "orders")))

    assert left.keys == ["SO-1"]


def test_an_asset_without_a_table_is_named(harbour: Harbour):
    put_table(harbour.folder, COLUMNS)

    said = failure_text(harbour, load_spec(sql=None, asset=("erp", "nothing")))

    assert "reads the asset erp/nothing, and the warehouse has no table erp.nothing" in said


@pytest.mark.parametrize("as_sent", [False, True])
def test_a_replay_takes_the_rows_that_were_kept(harbour: Harbour, as_sent: bool):
    put_table(harbour.folder, COLUMNS, ("SO-1", AMOUNT, "old"), ("SO-2", AMOUNT, "old"))
    left = run_outbound(harbour, load_spec())
    one = type(left)(left.rows[:1], [], {})
    accept(harbour, one, "failed")
    accept(harbour, type(left)(left.rows[1:], [], {}))

    put_table(harbour.folder, COLUMNS, ("SO-1", AMOUNT, "new"), ("SO-2", AMOUNT, "new"))
    replayed = run_outbound(harbour, load_spec(), replay="failed", as_sent=as_sent)

    assert replayed.keys == one.keys
    assert replayed.rows[0]["Notes__c"] == ("old" if as_sent else "new")


def test_a_replay_of_what_nobody_kept_is_green(harbour: Harbour):
    put_table(harbour.folder, COLUMNS, ("SO-1", AMOUNT, "a"))

    assert run_outbound(harbour, load_spec(), replay="unprocessed").rows == []
