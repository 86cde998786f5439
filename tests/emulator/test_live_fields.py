"""Fields that are added or converted while the org lives: describe, rows, jobs and events."""

from email.utils import parsedate_to_datetime

import pytest
import requests

from emulator.pubsub.generated import pubsub_api_pb2 as wire
from tests.emulator.api import Api
from tests.emulator.event_stream import EventBus
from tests.emulator_process import running_org

ACCOUNTS = "/data/AccountChangeEvent"
REGION = {"Region__c": {"type": "string", "length": 20}}


@pytest.fixture
def bus(org, api):
    org.control("PUT", "cdc", {"objects": ["Account"]})
    return EventBus(api)


def describe_field(api, name, object_name="Account"):
    fields = api.get(f"sobjects/{object_name}/describe").json()["fields"]
    return next((field for field in fields if field["name"] == name), None)


def refused(org, method, path, body):
    answer = requests.request(method, f"{org.url}/_emulator/{path}", json=body, timeout=20)
    return answer.status_code, answer.text


def values(event):
    fields = {name: value for name, value in event.items() if name != "ChangeEventHeader"}
    return {name: value for name, value in fields.items() if value is not None}


def test_an_added_field_is_described_asked_for_and_written(org, api):
    (old,) = org.create("Account", {"Name": "Harbour"})

    org.control("POST", "fields/Account", REGION)

    assert describe_field(api, "Region__c")["length"] == 20
    answer = api.post("sobjects/Account", {"Name": "Quay", "Region__c": "North"})
    assert answer.status_code == 201, answer.text
    new = answer.json()["id"]
    rows = api.records("SELECT Id, Region__c FROM Account")
    assert {row["Id"]: row["Region__c"] for row in rows} == {old: None, new: "North"}
    rows = api.bulk_rows("SELECT Id, Region__c FROM Account WHERE Region__c = 'North'")
    assert rows == [{"Id": new, "Region__c": "North"}]


def test_rows_that_are_there_are_not_checked_in_an_added_checkbox(org, api):
    org.create("Account", {"Name": "Harbour"})

    org.control("POST", "fields/Account", {"Is_Pier__c": {"type": "boolean"}})

    assert api.records("SELECT Is_Pier__c FROM Account")[0]["Is_Pier__c"] is False


def test_an_added_formula_is_computed_of_rows_that_are_there(org, api):
    org.create("Account", {"Name": "Harbour", "AnnualRevenue": 200})
    formula = '{row}."AnnualRevenue" * 2'

    org.control("POST", "fields/Account", {"Twice__c": {"type": "double", "formula": formula}})

    assert api.records("SELECT Twice__c FROM Account")[0]["Twice__c"] == 400


def test_an_added_reference_is_a_path_and_a_child_relationship(org, api):
    (parent,) = org.create("Account", {"Name": "Harbour"})
    to_account = {"type": "reference", "to": "Account", "child": "Piers__r"}

    org.control("POST", "fields/Contact", {"Pier__c": to_account})

    org.create("Contact", {"LastName": "Holm", "Pier__c": parent})
    assert api.records("SELECT Pier__r.Name FROM Contact")[0]["Pier__r"]["Name"] == "Harbour"
    children = api.get("sobjects/Account/describe").json()["childRelationships"]
    assert "Piers__r" in [child["relationshipName"] for child in children]


def test_a_describe_that_a_client_has_is_out_of_date_after_each_addition(org, api):
    for name in ("One__c", "Two__c"):
        had = api.get("sobjects/Account/describe").headers
        org.control("POST", "fields/Account", {name: {"type": "string", "length": 5}})
        for header, value in (
            ("If-None-Match", had["ETag"]),
            ("If-Modified-Since", had["Last-Modified"]),
        ):
            answer = api.get("sobjects/Account/describe", headers={header: value})
            assert answer.status_code == 200, header


def test_a_reset_org_is_described_as_no_younger_than_it_is(org):
    org.advance(3600)
    org.control("POST", "fields/Account", {"One__c": {"type": "string", "length": 5}})

    org.reset()

    headers = Api(org).get("sobjects/Account/describe").headers
    changed, now = (parsedate_to_datetime(headers[name]) for name in ("Last-Modified", "Date"))
    assert changed <= now


def test_events_keep_the_schema_that_they_were_told_by(org, bus):
    before = bus.topic(ACCOUNTS).schema_id
    ids = org.create("Account", {"Name": "Harbour", "BillingCity": "Ulm"})

    org.control("POST", "fields/Account", REGION)

    after = bus.topic(ACCOUNTS).schema_id
    org.change("Account", update=[{"Id": ids[0], "Region__c": "North"}])
    stream = bus.subscribe(ACCOUNTS, replay_preset=wire.EARLIEST)
    created, updated = stream.take(2)
    stream.close()
    assert before != after
    assert [created.event.schema_id, updated.event.schema_id] == [before, after]
    told = bus.decode(created)
    assert "Region__c" not in told
    assert (told["Name"], told["BillingAddress"]["City"]) == ("Harbour", "Ulm")
    assert values(bus.decode(updated)).keys() == {"Region__c", "LastModifiedDate"}


def test_a_platform_event_may_get_a_field_too(org, api, bus):
    topic = "/event/Order_Event__e"
    before = bus.topic(topic).schema_id

    org.control("POST", "fields/Order_Event__e", {"Pier__c": {"type": "string", "length": 9}})

    assert bus.topic(topic).schema_id != before
    given = {"Order_Id__c": "A-1", "Action__c": "CREATED", "Pier__c": "East"}
    assert api.post("sobjects/Order_Event__e", given).status_code == 201
    assert bus.events(topic, 1)[0]["Pier__c"] == "East"


def test_a_conversion_loses_all_values_and_one_event_tells_of_it(org, api, bus):
    org.control("POST", "fields/Account", {"Built__c": {"type": "date"}})
    org.create("Account", {"Name": "A", "Built__c": "2024-02-29"}, {"Name": "B"})
    stamps = {row["Id"]: row["SystemModstamp"] for row in org.rows("Account")}
    before = bus.topic(ACCOUNTS).schema_id
    bus.events(ACCOUNTS, 2)

    org.control("PUT", "fields/Account", {"Built__c": {"type": "string", "length": 30}})

    assert describe_field(api, "Built__c")["type"] == "string"
    assert [row["Built__c"] for row in org.rows("Account")] == [None, None]
    assert {row["Id"]: row["SystemModstamp"] for row in org.rows("Account")} == stamps
    assert bus.topic(ACCOUNTS).schema_id != before
    *_, event = bus.events(ACCOUNTS, 3)
    header = event["ChangeEventHeader"]
    assert (header["recordIds"], header["changeType"]) == (["001*"], "UPDATE")
    assert (header["changedFields"], header["nulledFields"], values(event)) == ([], [], {})
    org.create("Account", {"Name": "C", "Built__c": "long ago"})
    assert bus.events(ACCOUNTS, 4)[3]["Built__c"] == "long ago"


def test_a_fault_tells_the_next_change_by_one_event_for_all_records(org, bus):
    org.faults.add({"event": "wildcard"}, object="Account")
    org.create("Account", {"Name": "A"}, {"Name": "B"})
    org.create("Account", {"Name": "C"})

    made, after = bus.events(ACCOUNTS, 2)

    assert made["ChangeEventHeader"]["recordIds"] == ["001*"]
    assert values(made) == {}
    assert after["Name"] == "C"


def test_a_data_folder_keeps_added_fields_and_the_schemas_of_its_events(tmp_path):
    kept = ["--seed", "empty", "--cdc", "Account", "--data", str(tmp_path / "org")]
    with running_org(*kept) as org:
        org.create("Account", {"Name": "Harbour", "BillingCity": "Ulm"})
        org.control("POST", "fields/Account", REGION)
        org.control("POST", "fields/Account", {"Built__c": {"type": "date"}})
        org.create("Account", {"Name": "Quay", "Region__c": "North"})
        org.control("PUT", "fields/Account", {"Built__c": {"type": "string", "length": 9}})

    with running_org(*kept) as org:
        api = Api(org)
        bus = EventBus(api)
        assert describe_field(api, "Built__c")["type"] == "string"
        org.create("Account", {"Name": "Pier", "Region__c": "South", "Built__c": "1999"})
        events = bus.events(ACCOUNTS, 4)
        assert [event["Name"] for event in events] == ["Harbour", "Quay", None, "Pier"]
        assert [event.get("Region__c") for event in events] == [None, "North", None, "South"]
        assert events[0]["BillingAddress"]["City"] == "Ulm"
        org.reset()
        assert describe_field(Api(org), "Region__c") is None


def test_a_data_folder_grows_with_the_schema_file(tmp_path):
    kept = ["--seed", "empty", "--cdc", "Account", "--data", str(tmp_path / "org")]
    schema = tmp_path / "more.yaml"
    schema.write_text("objects: {Account: {fields: {Region__c: {type: string, length: 20}}}}")
    with running_org(*kept) as org:
        org.create("Account", {"Name": "Harbour"})

    with running_org(*kept, "--schema", str(schema)) as org:
        org.create("Account", {"Name": "Quay", "Region__c": "North"})
        rows = org.rows("Account", "Name", "Region__c")
        assert {row["Name"]: row["Region__c"] for row in rows} == {"Harbour": None, "Quay": "North"}
        events = EventBus(Api(org)).events(ACCOUNTS, 2)
        assert [event["Name"] for event in events] == ["Harbour", "Quay"]


def test_a_reset_takes_added_and_converted_fields_back(org, api):
    org.control("POST", "fields/Account", REGION)
    org.control("PUT", "fields/Order__c", {"Order_Date__c": {"type": "string", "length": 9}})

    org.reset()

    api = Api(org)
    assert describe_field(api, "Region__c") is None
    assert describe_field(api, "Order_Date__c", "Order__c")["type"] == "date"
    org.create("Order__c", {"Order_Date__c": "2024-02-29"})
    assert api.records("SELECT Order_Date__c FROM Order__c")[0]["Order_Date__c"] == "2024-02-29"


@pytest.mark.parametrize(
    ("method", "object_name", "fields", "says"),
    [
        ("POST", "Nothing", REGION, "no object"),
        ("POST", "Account", {}, "by their names"),
        ("POST", "Account", {"Region": {"type": "string"}}, "ends in __c"),
        ("POST", "Account", {"Region__c": {"type": "strng"}}, "Did you mean string"),
        ("POST", "Account", {"N__c": {"type": "string", "numberFormat": "{0}"}}, "no number"),
        ("POST", "Order__c", {"Amount__c": {"type": "double"}}, "already"),
        ("PUT", "Account", {"Name": {"type": "date"}}, "isn't a custom field"),
        ("PUT", "Order__c", {"Notes__c": {"type": "double"}}, "loses no values"),
        ("PUT", "Order__c", {"Order_Date__c": {"type": "date"}}, "loses no values"),
    ],
)
def test_a_field_that_can_not_be_is_refused_and_nothing_changes(
    org, api, method, object_name, fields, says
):
    had = api.get("sobjects/Account/describe").headers["ETag"]

    status, error = refused(org, method, f"fields/{object_name}", fields)

    assert status in (400, 404)
    assert says in error
    assert api.get("sobjects/Account/describe").headers["ETag"] == had
