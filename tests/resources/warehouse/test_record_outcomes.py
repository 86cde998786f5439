"""What became of sent rows: kept once, whatever is killed and repeated."""

import duckdb
import pytest

from resources.warehouse.adapter import ApiCalls
from resources.warehouse.duckdb_adapter import DuckDBWarehouse
from resources.warehouse.errors import LoadOrgError, OutcomeError
from resources.warehouse.load_adapter import KEPT_SCHEMA, OutcomeCounts
from tests.resources.warehouse.loads import ORG, at, outcome_rows, record

A, B, C = ("a", "1"), ("b", "2"), ("c", "3")


@pytest.fixture
def warehouse(tmp_path):
    return DuckDBWarehouse(tmp_path / "warehouse.duckdb", lock_timeout_s=5)


def select(warehouse, sql):
    with warehouse.query(sql) as rows:
        return [tuple(row.values()) for row in rows.read_all().to_pylist()]


def outcomes(warehouse):
    return select(warehouse, "SELECT key, outcome FROM _tidegate.load_outcomes ORDER BY ALL")


def state(warehouse):
    return select(warehouse, "SELECT key, sf_id FROM _tidegate.load_state ORDER BY ALL")


def kept(warehouse, *wanted):
    with warehouse.kept_rows("orders", wanted) as rows:
        assert rows.schema == KEPT_SCHEMA
        return [(row["_key"], row["payload"]) for row in rows.read_all().to_pylist()]


def test_outcomes_and_what_was_accepted_are_kept_together(warehouse):
    counts = record(warehouse, {A: "created", B: "failed", C: "unprocessed"})

    assert counts == OutcomeCounts(1, 1, 1, 1, {"REQUIRED_FIELD_MISSING": 1, "": 1})
    assert outcomes(warehouse) == [("a", "accepted"), ("b", "failed"), ("c", "unprocessed")]
    assert state(warehouse) == [("a", "a00a")]
    assert kept(warehouse, "failed") == [("b", "b|2")]
    assert kept(warehouse, "failed", "unprocessed") == [("b", "b|2"), ("c", "c|3")]
    assert warehouse.outcome_counts("orders") == counts
    assert warehouse.accepted_rows("orders") == 1


def test_the_tables_are_those_that_users_rely_on(warehouse):
    record(warehouse, {A: "created", B: "failed"})

    rows = select(
        warehouse,
        "SELECT load, run_id, key, outcome, sf_id, created, error_code, error_message, "
        "error_fields, payload, sent_at, job_id FROM _tidegate.load_outcomes ORDER BY key",
    )

    assert rows[0][:7] == ("orders", "run-1", "a", "accepted", "a00a", True, None)
    assert rows[1][6:10] == ("REQUIRED_FIELD_MISSING", "missing", ["Value__c"], "b|2")
    assert rows[1][10:] == (at(10), "750A")
    columns = select(
        warehouse, "SELECT load, key, hash, sf_id, accepted_at FROM _tidegate.load_state"
    )
    assert columns[0][-1] == at(11)


def test_a_part_that_was_recorded_is_not_recorded_again(warehouse):
    first = record(warehouse, {A: "accepted", B: "failed"})

    again = record(warehouse, {A: "accepted", B: "failed"}, run_id="run-2")

    assert again == first
    assert len(outcomes(warehouse)) == 2


def test_a_row_that_was_sent_again_has_the_later_outcome_alone(warehouse):
    record(warehouse, {A: "accepted", B: "failed"})
    record(warehouse, {B: "accepted"}, part=1, second=20)

    assert outcomes(warehouse) == [("a", "accepted"), ("b", "accepted")]
    assert kept(warehouse, "failed") == []


def test_the_latest_attempt_says_what_is_kept(warehouse):
    record(warehouse, {A: "failed", B: "failed"}, attempt="loads/1", second=10)
    record(warehouse, {A: "accepted", C: "failed"}, attempt="loads/2", second=20)

    assert kept(warehouse, "failed") == [("b", "b|2"), ("c", "c|3")]
    assert len(outcomes(warehouse)) == 4
    assert warehouse.outcome_counts("orders").failed == 2
    assert warehouse.outcome_counts("orders", "loads/1").failed == 2
    assert warehouse.outcome_counts("orders", "loads/2").accepted == 1


def test_rows_that_were_deleted_are_forgotten(warehouse):
    record(warehouse, {A: "accepted", B: "accepted"})
    record(warehouse, {A: "accepted"}, attempt="loads/2", removes_state=True)

    assert state(warehouse) == [("b", "a00b")]


def test_keys_that_differ_in_case_alone_are_one_record_where_salesforce_says_so(warehouse):
    record(warehouse, {("A", "1"): "accepted"}, fold_keys=True)
    record(warehouse, {("a", "2"): "accepted"}, attempt="loads/2", fold_keys=True)

    assert state(warehouse) == [("a", "a00a")]


def test_api_calls_are_written_with_the_rows(warehouse):
    record(warehouse, {A: "accepted"}, api_calls=[ApiCalls("load/orders", "bulk", 5)])
    record(warehouse, {B: "accepted"}, part=1, api_calls=[ApiCalls("load/orders", "bulk", 9)])

    assert warehouse.api_calls("run-1") == [ApiCalls("load/orders", "bulk", 9)]


def test_another_org_is_refused(warehouse):
    record(warehouse, {A: "accepted"})

    with pytest.raises(LoadOrgError):
        record(warehouse, {B: "accepted"}, part=1, org_id="00D000000000002AAA")
    assert len(outcomes(warehouse)) == 1


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ({("a", "1"): "accepted", ("a", "2"): "failed"}, "1 row(s) repeat"),
        ({("a", "1"): "sunk"}, "1 row(s) have an outcome that doesn't exist"),
    ],
)
def test_outcomes_that_are_not_one_per_row_are_refused(warehouse, rows, says):
    with pytest.raises(OutcomeError) as error:
        record(warehouse, rows)
    assert says in str(error.value)
    assert warehouse.outcome_counts("orders") == OutcomeCounts()


def test_a_load_that_never_ran_has_nothing(warehouse):
    assert kept(warehouse, "failed") == []
    assert warehouse.outcome_counts("orders") == OutcomeCounts()
    assert warehouse.accepted_rows("orders") == 0


def test_outcomes_whose_reading_breaks_off_leave_nothing(warehouse):
    record(warehouse, {A: "accepted"})
    reader = outcome_rows({B: "accepted"})

    def broken():
        yield from reader
        raise OSError("the disk is gone")

    rows = type(reader).from_batches(reader.schema, broken())
    with pytest.raises(duckdb.Error, match="the disk is gone"):
        warehouse.record_outcomes(
            "orders",
            rows,
            attempt="loads/1",
            part=1,
            run_id="r",
            org_id=ORG,
            object_name="Order__c",
            sent_at=at(1),
            accepted_at=at(2),
        )
    assert outcomes(warehouse) == [("a", "accepted")]
