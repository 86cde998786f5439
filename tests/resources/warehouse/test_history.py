"""Every version of a record, from its changes and images; what a gap hides is marked."""

import pyarrow as pa
import pytest

from resources.warehouse.adapter import ReadInterval
from resources.warehouse.duckdb_adapter import DuckDBWarehouse
from resources.warehouse.event_adapter import (
    AskedRecords,
    HiddenChanges,
    HistorySpec,
    Position,
)
from tests.resources.warehouse.harbour import ORG, image_rows, merge, never_reread, table_spec
from tests.resources.warehouse.image_model import Image, second
from tests.resources.warehouse.test_events import log_spec

HISTORY = HistorySpec("account_history", {"value": "Value__c"})


@pytest.fixture
def warehouse(tmp_path):
    return DuckDBWarehouse(tmp_path / "warehouse.duckdb", lock_timeout_s=5)


def follow(warehouse, changes, images=(), *, read=90, hidden=None, record="a"):
    """Changes of a record as (commit number and second, type, changed fields, value)."""
    log = log_spec()
    rows = [
        {
            "id": record,
            "_change_type": kind,
            "_commit_number": commit,
            "_sequence_number": 1,
            "_commit_timestamp": second(commit),
            "_transaction_key": f"t{commit}",
            "_changed_fields": fields,
            "value": value,
        }
        for commit, kind, fields, value in changes
    ]
    table = pa.Table.from_pylist(rows, schema=log.arrow_schema())
    warehouse.append_changes_and_merge(
        table_spec(),
        log,
        pa.RecordBatchReader.from_batches(table.schema, table.to_batches()),
        image_rows(table_spec(), images),
        object_name="Account",
        org_id=ORG,
        run_id="r",
        reread=never_reread,
        position=Position("c", b"\x01", None),
        asked=AskedRecords(["a"], ReadInterval(second(read), second(read))) if images else None,
        history=HISTORY,
        hidden=hidden,
    )


def versions(warehouse):
    sql = (
        "SELECT valid_from, valid_to, _change_type, value, _uncertain "
        "FROM salesforce.account_history ORDER BY valid_from, valid_to NULLS LAST"
    )
    with warehouse.query(sql) as rows:
        return [
            (*(t and round((t - second(0)).total_seconds()) for t in row[:2]), *row[2:])
            for row in (tuple(row.values()) for row in rows.read_all().to_pylist())
        ]


CREATE = (10, "CREATE", [], "x")
OTHER = (20, "UPDATE", ["Other__c"], None)
UPDATE = (30, "UPDATE", ["Value__c"], "y")
NULLED = (40, "UPDATE", ["Value__c"], None)
GAP = (50, "GAP_UPDATE", [], None)


def test_each_change_is_a_version_that_carries_on_what_it_left_alone(warehouse):
    follow(warehouse, [CREATE, OTHER, UPDATE, NULLED], [Image("a", 40, 90, 90, None)])

    assert versions(warehouse) == [
        (10, 20, "CREATE", "x", False),
        (20, 30, "UPDATE", "x", False),
        (30, 40, "UPDATE", "y", False),
        (40, None, "UPDATE", None, False),
    ]


def test_it_is_the_same_however_the_changes_came(warehouse):
    follow(warehouse, [OTHER, CREATE], [Image("a", 20, 90, 90, "x")])
    follow(warehouse, [NULLED, OTHER], [Image("a", 40, 91, 91, None)], read=91)
    follow(warehouse, [UPDATE, CREATE], [Image("a", 40, 92, 92, None)], read=92)

    assert [row[2:] for row in versions(warehouse)] == [
        ("CREATE", "x", False),
        ("UPDATE", "x", False),
        ("UPDATE", "y", False),
        ("UPDATE", None, False),
    ]


def test_a_record_from_before_the_events_begins_with_its_image(warehouse):
    merge(warehouse, table_spec(), [Image("a", 5, 6, 7, "old")])

    follow(warehouse, [OTHER, UPDATE], [Image("a", 30, 90, 90, "y")])

    assert versions(warehouse) == [
        (5, 20, "IMAGE", "old", False),
        (20, 30, "UPDATE", "old", False),
        (30, None, "UPDATE", "y", False),
    ]


def test_without_a_beginning_versions_are_uncertain(warehouse):
    follow(warehouse, [OTHER], [Image("a", 20, 90, 90, "x")])

    assert versions(warehouse) == [(20, None, "UPDATE", None, True)]


def test_what_a_gap_hides_is_marked_until_the_next_image(warehouse):
    follow(warehouse, [CREATE, GAP], [Image("a", 55, 90, 90, "z")])
    follow(warehouse, [(60, "UPDATE", ["Other__c"], None)], [Image("a", 60, 95, 95, "z")], read=95)

    assert versions(warehouse) == [
        (10, 50, "CREATE", "x", False),
        (50, 55, "GAP_UPDATE", "x", True),
        (55, 60, "IMAGE", "z", False),
        (60, None, "UPDATE", "z", False),
    ]


def test_a_deleted_record_s_last_version_says_so(warehouse):
    follow(warehouse, [CREATE, (70, "DELETE", [], None)])

    assert versions(warehouse) == [
        (10, 70, "CREATE", "x", False),
        (70, None, "DELETE", "x", False),
    ]


HIDDEN = HiddenChanges(second(50))
OVERFLOW = (50, "GAP_OVERFLOW", [], None)


def test_what_changed_without_an_event_is_marked_until_its_image(warehouse):
    follow(warehouse, [CREATE, UPDATE], [Image("a", 30, 40, 40, "y")])
    merge(warehouse, table_spec(), [Image("a", 60, 90, 90, "z")])

    follow(warehouse, [OVERFLOW], hidden=HIDDEN, record="000000000000000AAA")
    follow(warehouse, [(70, "UPDATE", ["Other__c"], None)])

    assert versions(warehouse) == [
        (10, 30, "CREATE", "x", False),
        (30, 50, "UPDATE", "y", False),
        (50, 60, "GAP", "y", True),
        (60, 70, "IMAGE", "z", False),
        (70, None, "UPDATE", "z", False),
    ]


def test_it_is_marked_once_and_only_where_something_changed(warehouse):
    follow(warehouse, [CREATE], [Image("a", 10, 40, 40, "x"), Image("b", 5, 40, 40, "old")])
    before = versions(warehouse)

    follow(warehouse, [], hidden=HIDDEN)
    assert versions(warehouse) == before

    merge(warehouse, table_spec(), [Image("a", 60, 90, 90, "z")])
    for _ in range(2):
        follow(warehouse, [], hidden=HIDDEN)
    assert versions(warehouse) == [
        (10, 50, "CREATE", "x", False),
        (50, 60, "GAP", "x", True),
        (60, None, "IMAGE", "z", False),
    ]


@pytest.mark.parametrize("since", [second(50), None])
def test_a_deletion_without_an_event_leaves_an_open_gap(warehouse, since):
    follow(warehouse, [CREATE], [Image("a", 10, 40, 40, "x")])
    merge(warehouse, table_spec(), [Image("a", 60, 90, 90, "x", deleted=True)])

    follow(warehouse, [], hidden=HiddenChanges(since))

    begin = 50 if since else 10
    assert versions(warehouse) == [
        (10, begin, "CREATE", "x", False),
        (begin, None, "GAP", "x", True),
    ]


def test_a_record_that_came_back_without_an_event_has_its_image(warehouse):
    follow(warehouse, [CREATE, (70, "DELETE", [], None)])
    merge(warehouse, table_spec(), [Image("a", 80, 90, 90, "back")])

    follow(warehouse, [], hidden=HiddenChanges(second(75)))

    assert versions(warehouse)[-2:] == [
        (75, 80, "GAP", "x", True),
        (80, None, "IMAGE", "back", False),
    ]


@pytest.mark.parametrize("record", ["000000000000000AAA", "001*"])
def test_no_record_has_no_history(warehouse, record):
    kind = "GAP_OVERFLOW" if record.endswith("AAA") else "UPDATE"
    follow(warehouse, [(50, kind, [], None)], record=record)

    assert versions(warehouse) == []


def test_a_change_comes_after_an_image_of_the_same_second_that_it_is_not_in(warehouse):
    follow(warehouse, [CREATE], [Image("a", 10, 20, 20, "x")], read=20)
    hidden = Image("a", 30, 90, 90, "hidden")
    follow(warehouse, [], [hidden], hidden=HiddenChanges(second(25)))

    follow(warehouse, [UPDATE], [Image("a", 30, 100, 100, "y")], read=100)

    assert [version[2:] for version in versions(warehouse)] == [
        ("CREATE", "x", False),
        ("GAP", "x", True),
        ("IMAGE", "hidden", False),
        ("UPDATE", "y", False),
    ]
