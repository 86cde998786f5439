"""Change events become a log and fresh rows, and what events don't say is read."""

from dataclasses import replace
from datetime import datetime

import pyarrow as pa
import pytest

from assets.specs import ObjectSpec
from resources.landing.inbox import Inbox
from resources.landing.inbox_segment import RAW_EVENTS
from resources.salesforce.transport import ApiRequest
from tests.assets.changes import Follower
from tests.assets.conftest import SYNC, Harbour, metadata
from tests.emulator.api import Api
from tests.emulator.event_stream import EventBus

ACCOUNT = ObjectSpec("Account", ("Name", "AnnualRevenue", "BillingCity", "Phone"))


@pytest.fixture
def follower(harbour: Harbour):
    harbour.org.control("PUT", "cdc", {"objects": ["Account", "Contact", "Order__c"]})
    return Follower(harbour, ACCOUNT)


def log(harbour: Harbour, *columns: str):
    named = ", ".join(columns)
    return harbour.query(
        f"SELECT {named} FROM salesforce.account_changes ORDER BY _commit_number, _sequence_number"
    )


def test_changes_reach_the_table_and_the_log(harbour: Harbour, follower: Follower):
    first, second = harbour.org.create(
        "Account", {"Name": "Acme", "AnnualRevenue": 1.5}, {"Name": "Bolt", "BillingCity": "Ulm"}
    )
    harbour.org.change("Account", update=[{"Id": first, "Phone": "1", "AnnualRevenue": None}])
    harbour.org.change("Account", delete=[second])

    told = follower.follow()

    assert harbour.rows("account", "id", "name", "annual_revenue", "phone") == [
        (first, "Acme", None, "1")
    ]
    assert log(harbour, "id", "_change_type", "name", "billing_city", "_nulled_fields") == [
        (first, "CREATE", "Acme", None, []),
        (second, "CREATE", "Bolt", "Ulm", []),
        (first, "UPDATE", None, None, ["AnnualRevenue"]),
        (second, "DELETE", None, None, []),
    ]
    assert told["salesforce/events_by_type"] == {"CREATE": 2, "DELETE": 1, "UPDATE": 1}
    assert (told["tidegate/records_asked"], told["tidegate/records_gone"]) == (2, 1)
    assert told["tidegate/reads_of_more"] == 0


def test_a_burst_of_deletions_costs_one_call_too(harbour: Harbour, follower: Follower):
    harbour.org.advance(60)
    *deleted, back, edited = harbour.org.create("Account", count=1_000)
    follower.follow()
    harbour.org.change("Account", delete=[*deleted, back])
    harbour.org.change("Account", undelete=[back], update=[{"Id": edited, "Phone": "1"}])

    told = follower.follow()

    assert told["salesforce/api_calls"] == 1
    assert {row[0] for row in harbour.rows("account", "id")} == {back, edited}
    assert {row[0] for row in harbour.rows("account", "id", where="_deleted")} == set(deleted)


@pytest.mark.parametrize("where", [None, "Name != 'Other'"])
def test_a_deleted_record_ends_as_a_night_leaves_it(
    harbour: Harbour, follower: Follower, where: str | None
):
    follower = follower.with_object(where=where)
    [record_id] = harbour.org.create("Account", {"Name": "Acme"})
    follower.follow()
    harbour.org.advance(60)
    harbour.org.change("Account", update=[{"Id": record_id, "BillingCity": "Ulm"}])
    harbour.org.change("Account", delete=[record_id])

    told = follower.follow()

    [row] = harbour.org.rows("Account", "Name", "BillingCity", "SystemModstamp", deleted=True)
    stamp = datetime.strptime(row["SystemModstamp"], "%Y-%m-%dT%H:%M:%S.%f%z")
    found = harbour.rows("account", "name", "billing_city", "_modstamp", where="_deleted")
    assert found == [("Acme", "Ulm", stamp)]
    assert (told["tidegate/deleted"], told["tidegate/records_gone"]) == (1, 1)


def test_a_purged_record_is_flagged_with_the_values_that_were_known(
    harbour: Harbour, follower: Follower
):
    [record_id] = harbour.org.create("Account", {"Name": "Acme"})
    follower.follow()
    harbour.org.change("Account", delete=[record_id])
    harbour.org.change("Account", purge=[record_id])

    follower.follow()

    assert harbour.rows("account", "name", where="_deleted") == [("Acme",)]


def test_what_was_applied_is_not_applied_again(harbour: Harbour, follower: Follower):
    harbour.org.create("Account", {"Name": "Acme"})
    follower.follow()

    told = follower.follow()

    assert told["salesforce/events"] == 0
    assert told["salesforce/api_calls"] == 0
    assert log(harbour, "name") == [("Acme",)]


def test_a_run_that_was_killed_before_its_mark_is_not_asked_for_again(
    harbour: Harbour, follower: Follower
):
    harbour.org.create("Account", {"Name": "Acme"})
    follower.follow()
    store = harbour.resources["landing"].open()
    channel = Inbox(store, harbour.org.org_id).channel(follower.specs[0].channel)
    [mark] = (harbour.folder / "landing").rglob(f"{follower.specs[0].consumer}.json")
    mark.unlink()

    follower.apply()

    assert channel.consumed(follower.specs[0].consumer) == channel.newest_seq()
    assert log(harbour, "name") == [("Acme",)]


def test_a_burst_costs_one_read_of_all_its_records(harbour: Harbour, follower: Follower):
    for number in range(3):
        harbour.org.create("Account", *({"Name": f"{number} {n}"} for n in range(400)))

    told = follower.follow()

    assert told["tidegate/records_asked"] == 1_200
    assert told["tidegate/inserted"] == 1_200
    # Describe, and one composite read.
    assert told["salesforce/api_calls"] == 2


def test_masked_fields_are_masked_in_the_log_as_in_the_table(harbour: Harbour, follower: Follower):
    follower = follower.with_object(mask=("Phone",))
    [record_id] = harbour.org.create("Account", {"Name": "Acme", "Phone": "0731 1"})
    harbour.org.change("Account", update=[{"Id": record_id, "Name": "Acme AG"}])

    follower.follow()

    [(in_table,)] = harbour.query("SELECT phone FROM salesforce.account")
    assert len(in_table) == 64
    assert log(harbour, "phone", "_changed_fields") == [
        (in_table, []),
        (None, ["Name", "LastModifiedDate"]),
    ]


def test_records_that_leave_the_condition_have_no_row_and_stay_in_the_log(
    harbour: Harbour, follower: Follower
):
    follower = follower.with_object(where="Phone != null")
    first, second = harbour.org.create("Account", {"Name": "In", "Phone": "1"}, {"Name": "Out"})
    follower.follow()
    harbour.org.change(
        "Account", update=[{"Id": first, "Phone": None}, {"Id": second, "Phone": "2"}]
    )

    follower.follow()

    assert harbour.query("SELECT name FROM salesforce.account") == [("Out",)]
    assert len(log(harbour, "id")) == 4


def test_names_are_those_of_the_api_where_the_sync_says_so(harbour: Harbour, follower: Follower):
    [spec] = follower.specs
    spec = replace(spec, sync=replace(SYNC, naming="api"))
    harbour.org.create("Account", {"Name": "Acme", "BillingCity": "Ulm"})

    follower.drain(spec)
    follower.apply(spec)

    assert harbour.query('SELECT "Name", "BillingCity" FROM salesforce."Account"') == [
        ("Acme", "Ulm")
    ]
    assert harbour.query('SELECT "BillingCity" FROM salesforce."Account_changes"') == [("Ulm",)]


def test_commit_numbers_are_in_the_log_to_the_last_digit(harbour: Harbour, follower: Follower):
    for number in range(3):
        harbour.org.create("Account", {"Name": str(number)})
    told = EventBus(Api(harbour.org)).events(follower.specs[0].channel, 3)

    follower.follow()

    numbers = [event["ChangeEventHeader"]["commitNumber"] for event in told]
    assert min(numbers) > 2**53
    assert log(harbour, "_commit_number") == [(number,) for number in numbers]


def test_a_gap_names_records_that_are_read(harbour: Harbour, follower: Follower):
    harbour.org.faults.add({"event": "gap"}, object="Account")
    harbour.org.create("Account", {"Name": "Acme"})

    told = follower.follow()

    assert harbour.rows("account", "name") == [("Acme",)]
    assert log(harbour, "_change_type", "name") == [("GAP_CREATE", None)]
    assert (told["salesforce/gaps"], told["tidegate/reads_of_more"]) == (1, 0)


def test_an_overflow_is_made_good_by_one_read_of_what_changed_since(
    harbour: Harbour, follower: Follower
):
    [old] = harbour.org.create("Account", {"Name": "Old"})
    harbour.org.faults.add({"event": "overflow"}, object="Account")
    harbour.org.change("Account", create=[{"Name": "New"}, {"Name": "Newer"}], delete=[old])

    told = follower.follow()

    assert harbour.rows("account", "name") == [("New",), ("Newer",)]
    assert harbour.rows("account", "name", where="_deleted") == [("Old",)]
    assert (told["salesforce/overflows"], told["tidegate/reads_of_more"]) == (1, 1)
    assert told["tidegate/reads_of_more_because"] == ["1 transaction(s) were too large for events"]


def test_a_refused_position_is_made_good_by_a_read_since_the_last_commit(
    harbour: Harbour, follower: Follower
):
    harbour.org.create("Account", {"Name": "Before"})
    follower.follow()
    harbour.org.change("Account", create=[{"Name": "Since"}])
    harbour.org.faults.add({"event": "expire_replay"}, object="Account")

    told = follower.follow()

    assert harbour.rows("account", "name") == [("Before",), ("Since",)]
    assert (told["salesforce/breaks"], told["tidegate/reads_of_more"]) == (1, 1)
    assert (told["tidegate/changes_appended"], told["tidegate/changes_repeated"]) == (1, 1)
    [because] = told["tidegate/reads_of_more_because"]
    assert "subscription.fetch.replayid.corrupted" in because
    asked = [r["path"] for r in harbour.org.requests_since() if "/queryAll" in r["path"]]
    assert len(asked) == 1


def test_a_break_before_any_event_reads_the_whole_object(harbour: Harbour, follower: Follower):
    harbour.org.control("PUT", "cdc", {"objects": []})
    harbour.org.change("Account", create=[{"Name": "Old"}], modstamp="2020-01-01T00:00:00Z")
    harbour.org.control("PUT", "cdc", {"objects": ["Account"]})
    inbox = Inbox(harbour.resources["landing"].open(), harbour.org.org_id)
    with inbox.channel(follower.specs[0].channel).try_write() as writer:
        writer.mark_break("the position had expired")

    told = follower.follow()

    assert harbour.rows("account", "name") == [("Old",)]
    assert told["salesforce/breaks"] == 1


def test_own_echoes_are_counted_by_their_origin(harbour: Harbour, follower: Follower):
    with harbour.resources["org_salesforce"].connect() as client:
        request = ApiRequest(
            "POST", f"{client.transport.base}/sobjects/Account", json_body={"Name": "Ours"}
        )
        client.transport.json(request)
    harbour.org.create("Account", {"Name": "Theirs"})

    told = follower.follow()

    assert told["salesforce/own_echoes"] == 1
    assert told["salesforce/events"] == 2


def test_duplicates_are_in_the_log_once(harbour: Harbour, follower: Follower):
    harbour.org.faults.add({"event": "duplicate"}, method="Subscribe")
    harbour.org.create("Account", {"Name": "A"})
    harbour.org.create("Account", {"Name": "B"})

    told = follower.follow()

    assert log(harbour, "name") == [("A",), ("B",)]
    assert (told["tidegate/changes_appended"], told["tidegate/changes_repeated"]) == (2, 2)


# ---- events that can't be read


def spoil(harbour: Harbour, follower: Follower, number: int = 1) -> bytes:
    """Land one more event, whose bytes are no Avro; its replay id."""
    inbox = Inbox(harbour.resources["landing"].open(), harbour.org.org_id)
    channel = inbox.channel(follower.specs[0].channel)
    good = channel.read(channel.last_segment()).to_pylist()[-1]
    bad = {**good, "replay_id": good["replay_id"] + bytes([number]), "payload": b"\xff" * 9}
    bad["event_id"] = f"00000000-0000-4000-8000-00000000000{number}"
    with channel.try_write() as writer:
        writer.append(pa.RecordBatch.from_pylist([bad], schema=RAW_EVENTS), bad["replay_id"])
    return bad["replay_id"]


def position(harbour: Harbour):
    return harbour.query("SELECT replay_id FROM _tidegate.positions")


def test_the_position_waits_for_an_event_that_cannot_be_read_and_what_came_before_is_there(
    harbour: Harbour, follower: Follower
):
    harbour.org.create("Account", {"Name": "Before"})
    follower.drain()
    bad = spoil(harbour, follower)

    failed = follower.apply(raise_on_error=False)

    [event] = [e for e in failed.all_events if e.is_step_failure]
    description = event.step_failure_data.user_failure_data.description
    assert not failed.success
    assert "waits for 1 event(s) that can't be read (try 1 of 5)" in description
    assert harbour.rows("account", "name") == [("Before",)]
    assert position(harbour) != [(bad,)]


def test_the_last_try_sets_it_aside_with_its_bytes_and_reads_what_it_may_have_named(
    harbour: Harbour, follower: Follower
):
    follower = Follower(harbour, ACCOUNT, dead_after_tries=2)
    [record_id] = harbour.org.create("Account", {"Name": "Before"})
    follower.drain()
    bad = spoil(harbour, follower)
    follower.apply(raise_on_error=False)
    # The change that the broken event would have told of.
    harbour.org.control("PUT", "cdc", {"objects": []})
    harbour.org.change("Account", update=[{"Id": record_id, "Name": "Unseen"}])

    told = metadata(follower.apply(), follower.specs[0].key)

    assert harbour.rows("account", "name") == [("Unseen",)]
    assert (told["tidegate/dead_events"], told["tidegate/reads_of_more"]) == (1, 1)
    assert harbour.query("SELECT replay_id, payload FROM _tidegate.dead_events") == [
        (bad, b"\xff" * 9)
    ]
    assert position(harbour) == [(bad,)]


def test_a_try_counts_for_the_events_that_wait_and_not_for_those_after(
    harbour: Harbour, follower: Follower
):
    follower = Follower(harbour, ACCOUNT, dead_after_tries=2)
    harbour.org.create("Account", {"Name": "Before"})
    follower.drain()
    spoil(harbour, follower)
    follower.apply(raise_on_error=False)
    follower.apply()
    spoil(harbour, follower, 2)

    assert not follower.apply(raise_on_error=False).success


# ---- history


def test_a_history_holds_every_version(harbour: Harbour, follower: Follower):
    follower = follower.with_object(history=True, mask=("Phone",))
    [record_id] = harbour.org.create("Account", {"Name": "A", "Phone": "1"})
    harbour.org.change("Account", update=[{"Id": record_id, "Name": "B"}])
    harbour.org.change("Account", update=[{"Id": record_id, "BillingCity": "Ulm"}])
    harbour.org.change("Account", delete=[record_id])

    follower.follow()

    versions = harbour.query(
        "SELECT name, billing_city, length(phone) FROM salesforce.account_history ORDER BY ALL"
    )
    assert {("A", None, 64), ("B", None, 64), ("B", "Ulm", 64)} <= set(versions)


# ---- another warehouse than before


def test_a_warehouse_restored_from_a_backup_gets_what_it_lacks(
    harbour: Harbour, follower: Follower
):
    harbour.org.create("Account", {"Name": "A"})
    follower.follow()
    file = harbour.folder / "warehouse.duckdb"
    backup = file.read_bytes()
    harbour.org.create("Account", {"Name": "B"})
    follower.follow()
    file.write_bytes(backup)
    harbour.org.create("Account", {"Name": "C"})

    told = follower.follow()

    assert harbour.rows("account", "name") == [("A",), ("B",), ("C",)]
    assert log(harbour, "name") == [("A",), ("B",), ("C",)]
    assert told["tidegate/reads_of_more_because"] == [
        "events may be missing (the warehouse isn't where it was when it had applied the last "
        "events)"
    ]


def test_a_new_warehouse_gets_the_whole_object(harbour: Harbour, follower: Follower):
    harbour.org.change("Account", create=[{"Name": "Old"}], modstamp="2020-01-01T00:00:00Z")
    follower.follow()
    (harbour.folder / "warehouse.duckdb").unlink()
    harbour.org.create("Account", {"Name": "New"})

    follower.follow()

    assert harbour.rows("account", "name") == [("New",), ("Old",)]
    assert len(log(harbour, "name")) == 2
