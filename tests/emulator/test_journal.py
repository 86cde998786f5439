"""Which changes the org tells of, and how one transaction's changes become events."""

import uuid

import pytest

from tests.emulator.api import Api
from tests.emulator.event_stream import EventBus
from tests.emulator_process import running_org

ACCOUNTS = "/data/AccountChangeEvent"
ALL = "/data/ChangeEvents"


@pytest.fixture
def bus(org, api):
    org.control("PUT", "cdc", {"objects": ["Account", "Contact", "Order__c"]})
    return EventBus(api)


def header(event):
    return event["ChangeEventHeader"]


def values(event):
    return {k: v for k, v in event.items() if v is not None and k != "ChangeEventHeader"}


def bit(bus, topic, name):
    """The number of a top-level field."""
    fields = bus.schema(bus.topic(topic).schema_id)["fields"]
    return [one["name"] for one in fields].index(name)


def test_a_created_row_is_told_in_full_with_no_changed_fields(org, bus):
    (account,) = org.create(
        "Account", {"Name": "Harbour", "BillingCity": "Kiel", "AnnualRevenue": 3}
    )

    (event,) = bus.events(ACCOUNTS, 1)

    head = header(event)
    assert head["changeType"] == "CREATE"
    assert head["entityName"] == "Account"
    assert head["recordIds"] == [account]
    assert head["changedFields"] == head["nulledFields"] == head["diffFields"] == []
    assert head["sequenceNumber"] == 1
    assert head["commitNumber"] > 2**53
    assert head["commitTimestamp"] % 1000 == 0
    assert str(uuid.UUID(head["transactionKey"])) == head["transactionKey"]
    assert event["Name"] == "Harbour"
    assert event["BillingAddress"]["City"] == "Kiel"
    assert event["AnnualRevenue"] == 3.0
    assert event["CreatedDate"] == event["LastModifiedDate"]


def test_an_update_tells_changed_fields_by_bitmap_and_leaves_the_others_null(org, bus):
    (account,) = org.create(
        "Account", {"Name": "Harbour", "Industry": "Energy", "BillingCity": "Kiel", "Phone": "1"}
    )
    org.change("Account", update=[{"Id": account, "Industry": None, "BillingStreet": "Kai 1"}])

    event = bus.events(ACCOUNTS, 2)[1]

    industry, stamp, billing = (
        bit(bus, ACCOUNTS, name) for name in ("Industry", "LastModifiedDate", "BillingAddress")
    )
    assert header(event)["changedFields"] == [
        f"0x{1 << industry | 1 << stamp:06X}",
        f"{billing}-0x01",
    ]
    assert header(event)["nulledFields"] == [f"0x{1 << industry:04X}"]
    assert set(values(event)) == {"LastModifiedDate", "BillingAddress"}
    assert {k for k, v in event["BillingAddress"].items() if v is not None} == {"Street"}


def test_bitmaps_are_written_in_capitals_and_whole_bytes(org, bus):
    (account,) = org.create("Account", {"Name": "Harbour"})
    # Neighbours, so that one of the digits is a letter.
    names = ["Phone", "Fax", "AccountNumber", "Website", "Sic"]
    org.change("Account", update=[{"Id": account, **dict.fromkeys(names, "1")}])

    event = bus.events(ACCOUNTS, 2)[1]

    places = [bit(bus, ACCOUNTS, name) for name in (*names, "LastModifiedDate")]
    [bitmap] = header(event)["changedFields"]
    assert bitmap == f"0x{sum(1 << place for place in places):06X}"
    assert "F" in bitmap


def test_a_field_that_keeps_its_value_is_not_among_the_changed_ones(org, bus):
    (account,) = org.create("Account", {"Name": "Harbour", "Phone": "1"})
    org.change("Account", update=[{"Id": account, "Phone": "1", "Fax": "2"}])

    event = bus.events(ACCOUNTS, 2)[1]

    assert set(values(event)) == {"Fax", "LastModifiedDate"}


def test_one_change_of_several_records_is_one_event(org, bus):
    ids = org.create("Account", {"Name": "A"}, {"Name": "B"}, {"Name": "C"})
    org.change(
        "Account",
        update=[{"Id": ids[0], "Fax": "1"}, {"Id": ids[1], "Fax": "2"}, {"Id": ids[2], "Fax": "1"}],
    )
    org.change("Account", delete=ids)

    events = bus.events(ACCOUNTS, 6)

    assert [header(one)["recordIds"] for one in events] == [
        *([one] for one in ids),
        [ids[0], ids[2]],
        [ids[1]],
        ids,
    ]
    assert [header(one)["sequenceNumber"] for one in events] == [1, 2, 3, 1, 2, 1]
    assert len({header(one)["transactionKey"] for one in events}) == 3


def test_deleted_rows_come_without_values_and_undeleted_ones_in_full(org, bus):
    (account,) = org.create("Account", {"Name": "Harbour"})
    org.change("Account", delete=[account])
    org.change("Account", undelete=[account])

    _, deleted, undeleted = bus.events(ACCOUNTS, 3)

    assert header(deleted)["changeType"] == "DELETE"
    assert values(deleted) == {}
    assert header(undeleted)["changeType"] == "UNDELETE"
    assert undeleted["Name"] == "Harbour"


def test_rows_that_go_with_a_deleted_one_are_told_in_the_same_transaction(org, bus):
    (account,) = org.create("Account", {"Name": "Harbour"})
    (contact,) = org.create("Contact", {"LastName": "Holm", "AccountId": account})
    org.change("Account", delete=[account])

    events = bus.events(ALL, 4)[2:]

    assert [header(one)["entityName"] for one in events] == ["Account", "Contact"]
    assert [header(one)["sequenceNumber"] for one in events] == [1, 2]
    assert len({header(one)["transactionKey"] for one in events}) == 1
    assert header(events[1])["recordIds"] == [contact]


def test_purged_rows_have_no_event(org, bus):
    ids = org.create("Account", {"Name": "A"}, {"Name": "B"})
    org.change("Account", purge=[ids[0]])
    org.change("Account", delete=[ids[1]])

    assert [header(one)["changeType"] for one in bus.events(ACCOUNTS, 3)] == [
        "CREATE",
        "CREATE",
        "DELETE",
    ]


def test_only_selected_objects_have_events(org, bus):
    org.control("PUT", "cdc", {"objects": ["Contact"]})
    org.create("Account", {"Name": "Harbour"})
    org.create("Contact", {"LastName": "Holm"})

    (event,) = bus.events(ALL, 1)

    assert header(event)["entityName"] == "Contact"
    assert event["Name"] == {"Salutation": None, "FirstName": None, "LastName": "Holm"}


def test_a_refused_row_has_no_event(org, api, bus):
    assert api.post("sobjects/Account", {"Name": "x" * 300}).status_code == 400
    (account,) = org.create("Account", {"Name": "Harbour"})

    assert header(bus.events(ACCOUNTS, 1)[0])["recordIds"] == [account]


def test_changes_by_rest_name_their_origin_and_client(org, api, bus):
    api.post("sobjects/Account", {"Name": "A"})
    api.post("sobjects/Account", {"Name": "B"}, headers={"Sforce-Call-Options": "client=tidegate"})
    org.create("Account", {"Name": "C"})

    origins = [header(one)["changeOrigin"] for one in bus.events(ACCOUNTS, 3)]

    assert origins == [
        "com/salesforce/api/rest/66.0",
        "com/salesforce/api/rest/66.0;client=tidegate",
        "",
    ]


def test_a_collection_is_one_transaction(org, api, bus):
    records = [{"attributes": {"type": "Account"}, "Name": name} for name in "ABC"]
    answer = api.post("composite/sobjects", {"allOrNone": False, "records": records})
    assert answer.status_code == 200, answer.text

    events = bus.events(ACCOUNTS, 3)

    assert [header(one)["sequenceNumber"] for one in events] == [1, 2, 3]
    assert len({header(one)["transactionKey"] for one in events}) == 1


def test_a_composite_request_of_all_or_none_is_one_transaction_of_several_objects(org, api, bus):
    base = "/services/data/v66.0/sobjects"
    body = {
        "allOrNone": True,
        "compositeRequest": [
            {"method": "POST", "url": f"{base}/Account", "referenceId": "a", "body": {"Name": "A"}},
            {
                "method": "POST",
                "url": f"{base}/Contact",
                "referenceId": "c",
                "body": {"LastName": "Holm", "AccountId": "@{a.id}"},
            },
        ],
    }
    answer = api.post("composite", body, headers={"Sforce-Call-Options": "client=tidegate"})
    assert answer.status_code == 200, answer.text

    heads = [header(one) for one in bus.events(ALL, 2)]

    assert [(one["entityName"], one["sequenceNumber"]) for one in heads] == [
        ("Account", 1),
        ("Contact", 2),
    ]
    assert len({one["transactionKey"] for one in heads}) == 1
    assert {one["changeOrigin"] for one in heads} == {
        "com/salesforce/api/rest/66.0;client=tidegate"
    }


def test_what_a_collection_takes_back_has_no_event(org, api, bus):
    records = [
        {"attributes": {"type": "Account"}, "Name": "A"},
        {"attributes": {"type": "Account"}, "Name": "x" * 300},
    ]
    api.post("composite/sobjects", {"allOrNone": True, "records": records})
    (account,) = org.create("Account", {"Name": "B"})

    assert header(bus.events(ACCOUNTS, 1)[0])["recordIds"] == [account]


def test_a_late_commit_is_told_when_it_commits(org, bus):
    org.set_clock("2026-05-01T12:00:00Z")
    org.control(
        "POST",
        "records/Account",
        {"create": [{"Name": "Late"}], "modstamp": "2026-05-01T12:00:00Z", "commit_after_s": 600},
    )
    org.create("Account", {"Name": "Early"})
    org.advance(700)

    early, late = bus.events(ACCOUNTS, 2)

    assert (early["Name"], late["Name"]) == ("Early", "Late")
    committed = header(late)["commitTimestamp"] - header(early)["commitTimestamp"]
    assert committed == 600_000
    assert late["LastModifiedDate"] == header(late)["commitTimestamp"] - 600_000


def test_dates_and_datetimes_are_milliseconds(org, bus):
    (account,) = org.create("Account", {"Name": "Harbour"})
    org.create("Order__c", {"Account__c": account, "Order_Date__c": "2022-05-31", "Tags__c": None})

    (event,) = bus.events("/data/Order__ChangeEvent", 1)

    assert event["Order_Date__c"] == 1653955200000


def test_a_changed_long_text_is_told_as_a_difference(org, bus):
    lines = [f"line {n} of a long text" for n in range(100)]
    (account,) = org.create("Account", {"Name": "Harbour", "Description": "\n".join(lines)})
    changed = [*lines[:50], "another line", *lines[51:]]
    org.change("Account", update=[{"Id": account, "Description": "\n".join(changed)}])

    event = bus.events(ACCOUNTS, 2)[1]

    place = bit(bus, ACCOUNTS, "Description")
    digits = f"{1 << place:X}"
    assert header(event)["diffFields"] == [f"0x{digits:0>{len(digits) + len(digits) % 2}}"]
    assert "-line 50 of a long text" in event["Description"]
    assert "+another line" in event["Description"]
    assert len(event["Description"]) < 400


@pytest.mark.slow
def test_beyond_a_hundred_thousand_changes_of_one_transaction_there_is_one_event_per_object(
    org, bus
):
    org.change("Account", create=[{"Name": "same"} for _ in range(100_003)])

    events = bus.events(ACCOUNTS, 11)

    assert [len(header(one)["recordIds"]) for one in events] == [10_000] * 10 + [1]
    overflow = header(events[-1])
    assert overflow["changeType"] == "GAP_OVERFLOW"
    assert overflow["recordIds"] == ["000000000000000AAA"]


def test_an_event_beyond_a_megabyte_is_a_gap(tmp_path):
    fields = "".join(f"Text{n}__c: {{type: textarea, length: 131072}}, " for n in range(9))
    schema = tmp_path / "wide.yaml"
    schema.write_text(f"objects: {{Account: {{fields: {{{fields}}}}}}}")
    with running_org("--seed", "empty", "--cdc", "Account", "--schema", str(schema)) as org:
        bus = EventBus(Api(org))
        row = {f"Text{n}__c": "n" * 131_072 for n in range(9)}
        ids = org.create("Account", {"Name": "Harbour", **row})

        (event,) = bus.events(ACCOUNTS, 1)

    assert header(event)["changeType"] == "GAP_CREATE"
    assert header(event)["recordIds"] == ids
    assert values(event) == {}


@pytest.mark.parametrize(
    ("fate", "change_type", "record"),
    [("gap", "GAP_CREATE", None), ("overflow", "GAP_OVERFLOW", "000000000000000AAA")],
)
def test_a_fault_makes_the_next_change_a_gap_or_an_overflow(org, bus, fate, change_type, record):
    org.faults.add({"event": fate}, object="Account")
    org.create("Contact", {"LastName": "Holm"})
    ids = org.create("Account", {"Name": "A"})
    org.create("Account", {"Name": "B"})

    made, after = bus.events(ACCOUNTS, 2)

    assert header(made)["changeType"] == change_type
    assert header(made)["recordIds"] == [record] if record else ids
    assert values(made) == {}
    assert header(after)["changeType"] == "CREATE"
    assert header(bus.events("/data/ContactChangeEvent", 1)[0])["changeType"] == "CREATE"


def test_a_schema_that_events_had_stays_known_when_fields_are_added(tmp_path):
    schema = tmp_path / "more.yaml"
    schema.write_text("objects: {Account: {fields: {Region__c: {type: string, length: 20}}}}")
    kept = ["--seed", "empty", "--cdc", "Account", "--data", str(tmp_path / "org")]
    with running_org(*kept) as org:
        bus = EventBus(Api(org))
        old = bus.topic(ACCOUNTS).schema_id
        org.create("Account", {"Name": "Harbour"})
        position = bus.subscribe(ACCOUNTS, replay_preset=1).take(1)[0].replay_id
    with running_org(*kept) as org:
        bus = EventBus(Api(org))
        org.create("Account", {"Name": "Quay"})
        (event,) = bus.events(ACCOUNTS, 1, replay_preset=2, replay_id=position)
        assert event["Name"] == "Quay"
        assert bus.topic(ACCOUNTS).schema_id == old
    with running_org("--seed", "empty", "--cdc", "Account", "--schema", str(schema)) as org:
        bus = EventBus(Api(org))
        assert bus.topic(ACCOUNTS).schema_id != old
        org.create("Account", {"Name": "Pier", "Region__c": "North"})
        assert bus.events(ACCOUNTS, 1)[0]["Region__c"] == "North"


def test_a_bulk_batch_is_told_in_transactions_of_two_hundred_rows(org, api, bus):
    created = api.post("jobs/ingest", {"object": "Account", "operation": "insert"})
    job = created.json()["id"]
    body = "Name\n" + "".join(f"Quay {n}\n" for n in range(450))
    api.call("PUT", f"jobs/ingest/{job}/batches", data=body, headers={"Content-Type": "text/csv"})
    api.patch(f"jobs/ingest/{job}", {"state": "UploadComplete"})

    events = bus.events(ACCOUNTS, 450)

    keys = [header(one)["transactionKey"] for one in events]
    assert [keys.count(key) for key in dict.fromkeys(keys)] == [200, 200, 50]
    assert [event["Name"] for event in events] == [f"Quay {n}" for n in range(450)]
    assert header(events[0])["changeOrigin"] == "com/salesforce/api/bulkapi/66.0"
    assert [header(one)["sequenceNumber"] for one in events[200:203]] == [1, 2, 3]


# As in the Change Data Capture guide's sample, of the fields that this org's describe has, too.
OPPORTUNITY = """AccountId IsPrivate Name Description StageName Amount Probability ExpectedRevenue
TotalOpportunityQuantity CloseDate Type NextStep LeadSource IsClosed IsWon ForecastCategory
ForecastCategoryName CampaignId HasOpportunityLineItem Pricebook2Id OwnerId CreatedDate CreatedById
LastModifiedDate LastModifiedById LastStageChangeDate ContactId LastAmountChangedHistoryId
LastCloseDateChangedHistoryId"""


def test_an_opportunity_tells_the_fields_that_a_recorded_one_does(org, bus):
    org.control("PUT", "cdc", {"objects": ["Opportunity"]})
    topic = "/data/OpportunityChangeEvent"
    plan = {"Name": "Pier", "StageName": "Prospecting", "CloseDate": "2030-01-01", "Amount": 200}
    [record] = org.create("Opportunity", plan)
    org.change("Opportunity", update=[{"Id": record, "StageName": "Closed Won"}])

    created, updated = bus.events(topic, 2)

    _, *names = [field["name"] for field in bus.schema(bus.topic(topic).schema_id)["fields"]]
    assert names == OPPORTUNITY.split()
    assert (created["IsClosed"], created["IsWon"], created["ExpectedRevenue"]) == (False, False, 20)
    assert values(updated)["IsWon"] is True
    assert values(updated)["ForecastCategory"] == "Closed"
    assert updated["ExpectedRevenue"] == 200
    assert "HasOpportunityLineItem" not in values(updated)
