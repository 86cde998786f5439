"""Objects whose fields change while their events are followed: additions and conversions."""

from datetime import date

import duckdb
import pytest

from assets.specs import ObjectSpec
from tests.assets.changes import Follower
from tests.assets.conftest import Harbour

ACCOUNT = ObjectSpec("Account", ("Name", "*__c"))
REGION = {"Region__c": {"type": "string", "length": 20}}
LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture
def follower(harbour: Harbour):
    harbour.org.control("PUT", "cdc", {"objects": ["Account"]})
    return Follower(harbour, ACCOUNT)


def log(harbour: Harbour, *columns: str):
    named = ", ".join(columns)
    return harbour.query(
        f"SELECT {named} FROM salesforce.account_changes ORDER BY _commit_number, _sequence_number"
    )


def test_one_event_for_all_records_is_made_good_by_a_read_of_the_whole_object(
    harbour: Harbour, follower: Follower
):
    harbour.org.change("Account", create=[{"Name": "Old"}], modstamp=LONG_AGO)
    [gone] = harbour.org.create("Account", {"Name": "Gone"})
    follower.follow()
    harbour.org.faults.add({"event": "wildcard"}, object="Account")
    harbour.org.change("Account", create=[{"Name": "New"}], modstamp=LONG_AGO)
    harbour.org.faults.add({"event": "wildcard"}, object="Account")
    harbour.org.change("Account", delete=[gone])

    told = follower.follow()

    assert harbour.rows("account", "name") == [("New",), ("Old",)]
    assert harbour.rows("account", "id", where="_deleted") == [(gone,)]
    assert (told["salesforce/wildcards"], told["salesforce/events"]) == (2, 2)
    assert told["tidegate/reads_of_more"] == 1
    assert told["tidegate/reads_of_more_because"] == ["2 event(s) mean all records"]
    assert (told["tidegate/records_asked"], told["tidegate/records_gone"]) == (0, 0)
    assert log(harbour, "id", "_change_type")[-2:] == [("001*", "UPDATE"), ("001*", "UPDATE")]


def test_a_read_of_the_whole_object_that_broke_off_begins_anew(
    harbour: Harbour, follower: Follower
):
    first, *_ = harbour.org.create("Account", count=2_500)
    follower.follow()
    harbour.org.faults.add({"event": "wildcard"}, object="Account", times=2)
    harbour.org.change("Account", update=[{"Id": first, "Name": "Hidden"}])
    refused = [{"message": "No access", "errorCode": "INSUFFICIENT_ACCESS"}]
    harbour.org.faults.answer(403, refused, path="*/jobs/query/*/results")
    follower.drain()
    broken_off = follower.apply(raise_on_error=False)
    harbour.org.change("Account", update=[{"Id": first, "Name": "Hidden later"}])

    follower.follow()

    assert not broken_off.success
    assert harbour.rows("account", "name", where=f"id = '{first}'") == [("Hidden later",)]


@pytest.mark.parametrize("fate", ["wildcard", "overflow", "expire_replay"])
def test_a_history_ends_as_the_table_where_no_event_names_what_changed(
    harbour: Harbour, follower: Follower, fate: str
):
    follower = follower.with_object(history=True)
    first, _ = harbour.org.create("Account", {"Name": "A"}, {"Name": "B"})
    follower.follow()
    harbour.org.faults.add({"event": fate}, object="Account")
    harbour.org.change("Account", update=[{"Id": first, "Name": "A2"}])
    follower.follow()
    harbour.org.change("Account", update=[{"Id": first, "Name": "A3"}])

    follower.follow()

    last = harbour.query("SELECT name FROM salesforce.account_history WHERE valid_to IS NULL")
    assert sorted(last) == harbour.rows("account", "name") == [("A3",), ("B",)]
    names = harbour.query(
        "SELECT name FROM salesforce.account_history WHERE id = "
        f"'{first}' AND NOT _uncertain ORDER BY valid_from, valid_to"
    )
    assert names == [("A",), ("A2",), ("A3",)]


def test_values_that_a_conversion_lost_are_lost_in_the_table_though_no_stamp_says_so(
    harbour: Harbour, follower: Follower
):
    # A masked column is text, whatever the field's type.
    follower = follower.with_object(mask=("Built__c",))
    harbour.org.control("POST", "fields/Account", {"Built__c": {"type": "date"}})
    harbour.org.create("Account", {"Name": "Acme", "Built__c": "2024-02-29"}, {"Name": "Bolt"})
    follower.follow()
    [(_, built, stamp), _] = harbour.rows("account", "name", "built_c", "_modstamp")
    assert built is not None
    harbour.org.control("PUT", "fields/Account", {"Built__c": {"type": "datetime"}})

    told = follower.follow()

    assert harbour.rows("account", "name", "built_c", "_modstamp") == [
        ("Acme", None, stamp),
        ("Bolt", None, stamp),
    ]
    assert (told["salesforce/wildcards"], told["tidegate/dead_events"]) == (1, 0)


def test_a_conversion_of_a_column_waits_for_a_person_and_goes_on_then(
    harbour: Harbour, follower: Follower
):
    harbour.org.control("POST", "fields/Account", {"Built__c": {"type": "date"}})
    harbour.org.create("Account", {"Name": "Acme", "Built__c": "2024-02-29"})
    follower.follow()
    harbour.org.control("PUT", "fields/Account", {"Built__c": {"type": "datetime"}})
    harbour.org.create("Account", {"Name": "Bolt", "Built__c": "2024-02-29T10:00:00Z"})

    follower.drain()
    failed = follower.apply(raise_on_error=False)

    assert not failed.success
    assert harbour.rows("account", "name", "built_c") == [("Acme", date(2024, 2, 29))]
    with duckdb.connect(str(harbour.folder / "warehouse.duckdb")) as warehouse:
        for table in ("account", "account_changes"):
            warehouse.execute(
                f"ALTER TABLE salesforce.{table} ALTER built_c SET DATA TYPE TIMESTAMPTZ"
            )
    told = follower.follow()
    assert harbour.rows("account", "name", "left(built_c::VARCHAR, 10)") == [
        ("Acme", None),
        ("Bolt", "2024-02-29"),
    ]
    assert (told["salesforce/wildcards"], told["salesforce/events"]) == (1, 2)
    assert [kind for (kind,) in log(harbour, "_change_type")] == ["CREATE", "UPDATE", "CREATE"]


def test_events_of_before_and_after_a_new_field_are_applied_together(
    harbour: Harbour, follower: Follower
):
    first, second = harbour.org.create("Account", {"Name": "A"}, {"Name": "B"})
    harbour.org.control("POST", "fields/Account", REGION)
    harbour.org.change("Account", update=[{"Id": first, "Region__c": "North"}])
    harbour.org.create("Account", {"Name": "C", "Region__c": "South"})
    harbour.org.change("Account", delete=[second])

    told = follower.follow()

    assert harbour.rows("account", "name", "region_c") == [("A", "North"), ("C", "South")]
    assert log(harbour, "_change_type", "name", "region_c", "_changed_fields") == [
        ("CREATE", "A", None, []),
        ("CREATE", "B", None, []),
        ("UPDATE", None, "North", ["LastModifiedDate", "Region__c"]),
        ("CREATE", "C", "South", []),
        ("DELETE", None, None, []),
    ]
    assert told["tidegate/dead_events"] == 0
    assert told["tidegate/reads_of_more"] == 0
