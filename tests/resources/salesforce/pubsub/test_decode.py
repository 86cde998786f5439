"""Change events become columns under the API's names, of typed values; nothing is guessed."""

import json
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from resources.salesforce.pubsub.decode import (
    CHANGE_HEADER,
    EventDecoder,
    names_all_records,
)
from resources.salesforce.pubsub.errors import SchemaUnavailableError
from resources.salesforce.pubsub.event_schema import part_name
from tests.resources.salesforce.described import described, field
from tests.resources.salesforce.pubsub.events import (
    ACCOUNT,
    ADDRESS,
    ADDRESS_PARTS,
    HEADER,
    NOW,
    ORDER_EVENT,
    PERSON_NAME,
    change,
    change_schema,
    encode,
    nullable,
    raw,
)

DESCRIBES = Path(__file__).parents[3] / "data/describes"


def decoded(*payloads, schemas=None, describe=None):
    known = schemas or {"account-1": ACCOUNT}
    schema_id = next(iter(known))
    return EventDecoder(known.__getitem__, describe).decode(raw(*payloads, schema_id=schema_id))


def rows(*payloads, **more):
    found = decoded(*payloads, **more)
    assert found.undecoded == ()
    return [row for batch in found.batches for row in batch.events.to_pylist()]


def test_the_header_comes_first_and_then_a_column_per_field():
    (batch,) = decoded(change(Name="Acme")).batches

    names = batch.events.schema.names
    assert names[: len(CHANGE_HEADER)] == CHANGE_HEADER.names
    assert batch.events.schema.types[: len(CHANGE_HEADER)] == CHANGE_HEADER.types
    assert names[len(CHANGE_HEADER) :][:5] == [
        *("Name", "Type", "ParentId", "BillingStreet", "BillingCity"),
    ]
    assert "BillingAddress" not in names


def test_documented_bitmaps_name_the_documented_fields():
    industry, street = rows(
        change(header={"changedFields": ["0x400800"]}, Industry="Energy"),
        change(header={"changedFields": ["0x400000", "4-0x01"]}),
    )

    assert industry["changed_fields"] == ["Industry", "LastModifiedDate"]
    assert street["changed_fields"] == ["BillingStreet", "LastModifiedDate"]


def test_null_in_an_update_is_unchanged_unless_it_is_among_the_nulled_fields():
    (row,) = rows(
        change(
            header={"changedFields": ["0x400800", "4-0x02"], "nulledFields": ["0x000800", "4-0x02"]}
        )
    )

    assert row["Industry"] is row["Phone"] is row["BillingCity"] is None
    assert row["nulled_fields"] == ["BillingCity", "Industry"]


def test_a_create_has_all_values_and_no_changed_fields():
    (row,) = rows(change(header={"changeType": "CREATE"}, Name="Acme", NumberOfEmployees=7))

    assert (row["change_type"], row["changed_fields"]) == ("CREATE", [])
    assert (row["Name"], row["NumberOfEmployees"]) == ("Acme", 7)


def test_one_event_may_carry_several_records():
    ids = ["001000000000001AAA", "001000000000002AAA"]

    (row,) = rows(change(header={"recordIds": ids}))

    assert row["record_ids"] == ids
    assert not any(names_all_records(record_id) for record_id in ids)
    assert names_all_records("000000000000000AAA")
    assert names_all_records("001*")


def test_a_commit_number_beyond_doubles_is_exact():
    (row,) = rows(change(header={"commitNumber": 1_745_500_706_683_617_281}))

    assert row["commit_number"] == 1_745_500_706_683_617_281
    assert row["commit_timestamp"] == datetime.fromtimestamp(NOW / 1000, UTC)


def test_a_gap_has_a_header_and_nulls_only():
    (row,) = rows(change(header={"changeType": "GAP_UPDATE", "changeOrigin": ""}))

    fields = [value for name, value in row.items() if name not in CHANGE_HEADER.names]
    assert row["change_type"] == "GAP_UPDATE"
    assert fields == [None] * len(fields)


def test_milliseconds_are_moments_and_days_by_the_documentation_of_their_field():
    schema = change_schema(
        nullable("CloseDate", "long", "Data:DateOnly"),
        nullable("Seen__c", "long", "Data:DateTime:00N000000000001"),
        nullable("At__c", "int", "Data:TimeOnly"),
        nullable("Ticks__c", "long", "Data:Long"),
        name="OpportunityChangeEvent",
    )
    fields = {"CloseDate": 1_653_955_200_000, "Seen__c": -1, "At__c": 3_600_000, "Ticks__c": 5}
    old = {"CloseDate": -86_400_000}

    row, older = rows(change(schema, **fields), change(schema, **old), schemas={"o": schema})

    assert row["CloseDate"] == date(2022, 5, 31)
    assert row["Seen__c"] == datetime(1969, 12, 31, 23, 59, 59, 999_000, UTC)
    assert row["At__c"].hour == 1
    assert row["Ticks__c"] == 5
    assert older["CloseDate"] == date(1969, 12, 31)


def test_describe_gives_digits_days_and_lists():
    schema = change_schema(
        nullable("Amount__c", "double", "Data:Currency"),
        nullable("Count__c", "double", "Data:Double"),
        nullable("Due__c", "long", ""),
        nullable("Tags__c", "string", "Data:MultiEnum"),
        nullable("Moved__c", "string"),
        name="Order__ChangeEvent",
    )
    order = described(
        field("Amount__c", "currency", precision=18, scale=2),
        field("Count__c", "double", precision=3, scale=0),
        field("Due__c", "date"),
        field("Tags__c", "multipicklist"),
        field("Moved__c", "double", precision=3, scale=0),
    )
    values = {"Amount__c": 0.1, "Count__c": 120.0, "Due__c": NOW, "Tags__c": "a;b"}
    asked = []

    (row,) = rows(
        change(schema, **values, Moved__c="was text"),
        schemas={"o": schema},
        describe=lambda name: asked.append(name) or order,
    )

    assert asked == ["Order__c"]
    assert (row["Amount__c"], row["Count__c"]) == (Decimal("0.10"), Decimal("120"))
    assert row["Due__c"] == datetime.fromtimestamp(NOW / 1000, UTC).date()
    assert (row["Tags__c"], row["Moved__c"]) == (["a", "b"], "was text")


def test_a_number_with_more_decimals_than_described_is_kept_whole():
    schema = change_schema(nullable("Amount__c", "double"), name="Order__ChangeEvent")
    order = described(field("Amount__c", "currency", precision=18, scale=2))

    (row,) = rows(
        change(schema, Amount__c=1.23456), schemas={"o": schema}, describe=lambda _: order
    )

    assert row["Amount__c"] == Decimal("1.23456")


def test_names_of_people_are_split_and_those_of_accounts_are_plain():
    contact = change_schema(nullable("Name", PERSON_NAME), name="ContactChangeEvent")
    either = change_schema(
        {"name": "Name", "type": ["null", "string", PERSON_NAME], "default": None}
    )
    person = {"FirstName": "Zoë", "LastName": "Ek", "Salutation": None}
    partly = {"changedFields": ["1-0x02"]}

    (of_contact,) = rows(change(contact, partly, Name=person), schemas={"c": contact})
    plain, split = rows(
        change(either, {"changedFields": ["0x02"]}, Name="Acme"),
        change(either, partly, Name=person),
        schemas={"e": either},
    )

    assert (of_contact["FirstName"], of_contact["LastName"]) == ("Zoë", "Ek")
    assert of_contact["changed_fields"] == ["FirstName"]
    assert "Name" not in of_contact
    assert (plain["Name"], plain["FirstName"], plain["changed_fields"]) == ("Acme", None, ["Name"])
    assert (split["Name"], split["FirstName"]) == (None, "Zoë")
    assert split["changed_fields"] == ["FirstName"]


@pytest.mark.parametrize("object_name", ["Account", "Contact", "Lead"])
def test_parts_of_compound_fields_have_the_names_of_the_api(object_name):
    body = json.loads((DESCRIBES / f"{object_name}.json").read_text())
    names = {entry["name"] for entry in body["fields"]}
    addresses = [entry["name"] for entry in body["fields"] if entry.get("type") == "address"]

    assert addresses
    for address in addresses:
        assert {part_name(address, part) for part in ADDRESS_PARTS} <= names
    if object_name != "Account":
        assert {part_name("Name", part) for part in ("FirstName", "LastName")} <= names


def test_parts_of_custom_compound_fields_end_as_the_api_names_them():
    schema = change_schema(nullable("Depot__c", ADDRESS))

    (row,) = rows(change(schema, Depot__c={"City": "Ulm", "Latitude": 48.4}), schemas={"d": schema})

    assert (row["Depot__City__s"], row["Depot__Latitude__s"]) == ("Ulm", 48.4)


def test_events_are_read_by_their_own_schema_each():
    grown = change_schema(nullable("Name", "string"), nullable("New__c", "string"))
    found = EventDecoder({"account-1": ACCOUNT, "account-2": grown}.__getitem__).decode(
        raw(
            change(Name="old"),
            (change(grown, Name="new", New__c="x"), "account-2"),
            change(Name="late"),
        )
    )

    assert [batch.schema.schema_id for batch in found.batches] == ["account-1", "account-2"]
    assert found.batches[0].events["Name"].to_pylist() == ["old", "late"]
    assert found.batches[1].events["New__c"].to_pylist() == ["x"]


def test_a_platform_event_has_no_header():
    values = {"CreatedDate": NOW, "CreatedById": "005000000000001AAA", "Amount__c": 1.5}

    (row,) = rows(encode(ORDER_EVENT, {**values, "Order__c": ""}), schemas={"e": ORDER_EVENT})

    assert list(row)[:4] == ["replay_id", "event_id", "schema_id", "CreatedDate"]
    assert row["CreatedDate"] == datetime.fromtimestamp(NOW / 1000, UTC)
    assert (row["Amount__c"], row["Order__c"]) == (1.5, None)


BROKEN = {
    "cut": lambda payload: payload[:-5],
    "longer": lambda payload: payload + b"\x00",
    "noise": lambda payload: b"\xff" * len(payload),
    "bitmap": lambda _: change(header={"changedFields": ["0x80000000000000"]}),
    "no bitmap": lambda _: change(header={"nulledFields": ["Name"]}),
}


@pytest.mark.parametrize("how", BROKEN)
def test_an_event_that_does_not_decode_is_set_apart_with_its_bytes(how):
    broken = BROKEN[how](change(Name="Secret name"))

    found = decoded(change(Name="one"), broken, change(Name="three"))

    (batch,), (error,) = found.batches, found.undecoded
    assert batch.events["Name"].to_pylist() == ["one", "three"]
    assert (error.event_id, error.payload) == ("event-2", broken)
    assert error.replay_id == (2).to_bytes(8, "big")
    assert "Secret" not in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_many_that_do_not_fit_are_each_set_apart_and_the_others_are_read():
    bad = change(header={"changedFields": ["0x80000000000000"]})
    good = [change(Name=str(number)) for number in range(40)]

    found = decoded(*(one for event in good for one in (event, bad)), b"")

    (batch,) = found.batches
    assert batch.events["Name"].to_pylist() == [str(number) for number in range(40)]
    assert {error.event_id for error in found.undecoded} == {
        f"event-{number}" for number in [*range(2, 81, 2), 81]
    }


def test_events_whose_header_lacks_something_are_set_apart():
    header = {"type": "record", "name": "ChangeEventHeader", "fields": HEADER["fields"][:4]}
    fields = [{"name": "ChangeEventHeader", "type": header}, nullable("Name", "string")]
    schema = json.dumps({"type": "record", "name": "AccountChangeEvent", "fields": fields})

    for payloads in ([change(schema), b""], [b""]):
        found = decoded(*payloads, schemas={"a": schema})

        assert found.batches == ()
        assert len(found.undecoded) == len(payloads)


def test_an_event_whose_schema_cannot_be_had_is_set_apart():
    def schema_json(schema_id):
        if schema_id == "account-1":
            return ACCOUNT
        raise SchemaUnavailableError("GetSchema", schema_id, "", "NOT_FOUND", "")

    found = EventDecoder(schema_json).decode(raw(change(Name="one"), (b"?", "lost"), b""))

    assert [batch.events.num_rows for batch in found.batches] == [1]
    assert {error.event_id for error in found.undecoded} == {"event-2", "event-3"}
    lost = next(error for error in found.undecoded if error.event_id == "event-2")
    assert "GetSchema of lost was refused" in str(lost)


def test_an_event_whose_schema_is_not_kept_is_set_apart():
    found = EventDecoder({"account-1": ACCOUNT}.get).decode(raw(change(), (b"?", "lost")))

    (error,) = found.undecoded
    assert (error.event_id, error.payload) == ("event-2", b"?")
    assert "Lookup of lost" in str(error)


def test_a_schema_that_is_none_is_named():
    found = EventDecoder(lambda _: '{"type": "string"}').decode(raw(b"?"))

    assert "isn't understood" in str(found.undecoded[0])
