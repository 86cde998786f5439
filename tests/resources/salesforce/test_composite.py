"""Small loads by sObject collections: one call for 200 rows, each with its own outcome."""

import json
from itertools import chain

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.salesforce.collection_body import collection_body
from resources.salesforce.composite import calls
from resources.salesforce.errors import AnswerError
from resources.salesforce.load_columns import resolve_column
from resources.salesforce.outcomes import OUTCOME_SCHEMA
from tests.resources.salesforce.described import described, field
from tests.resources.salesforce.scripted_org import answer, scripted_org

PARENT = described(field("Ext__c", "double", precision=18, externalId=True), name="Lead")
ORDER = described(
    field("Ext__c", "string", externalId=True),
    field("Amount__c", "currency", precision=18, scale=2),
    field("Done__c", "boolean"),
    field("Note__c", "string"),
    field("Account__c", "reference", referenceTo=["Lead"], relationshipName="Account__r"),
    field(
        "WhoId",
        "reference",
        referenceTo=["Contact", "Lead"],
        relationshipName="Who",
        polymorphicForeignKey=True,
    ),
)


def columns_of(describe, *names, describe_of=lambda _: PARENT):
    return [resolve_column(describe, name, describe_of, "clear") for name in names]


def frame(**columns):
    numbers = [str(n) for n in range(len(next(iter(columns.values()))))]
    return pa.record_batch({**columns, "_key": numbers, "_hash": numbers})


def records(rows, *names):
    body = collection_body("Order__c", rows, columns_of(ORDER, *names))
    return json.loads(body, parse_float=lambda text: f"number {text}")["records"]


# --- what is sent


def test_cells_have_the_types_of_their_fields():
    rows = frame(
        Ext__c=["007"], Amount__c=["12345678901234567.1"], Done__c=["true"], Note__c=['NULL "é"']
    )

    (record,) = records(rows, "Ext__c", "Amount__c", "Done__c", "Note__c")

    assert record == {
        "attributes": {"type": "Order__c"},
        "Ext__c": "007",
        "Amount__c": "number 12345678901234567.1",
        "Done__c": True,
        "Note__c": 'NULL "é"',
    }


def test_empty_cells_are_left_out_and_the_null_marker_is_null():
    rows = frame(Ext__c=["a"], Amount__c=[""], Note__c=["#N/A"])

    (record,) = records(rows, "Ext__c", "Amount__c", "Note__c")

    assert record == {"attributes": {"type": "Order__c"}, "Ext__c": "a", "Note__c": None}


def test_parents_are_objects_with_their_type_first():
    rows = pa.record_batch({"Account__r.Ext__c": ["5"], "Lead:Who.Ext__c": ["6"]})

    (record,) = records(rows, "Account__r.Ext__c", "Lead:Who.Ext__c")

    assert record["Account__r"] == {"Ext__c": 5}
    assert list(record["Who"].items()) == [("attributes", {"type": "Lead"}), ("Ext__c", 6)]


def test_a_lookup_is_cleared_by_its_own_field():
    (record,) = records(pa.record_batch({"Account__r.Ext__c": ["#N/A"]}), "Account__r.Ext__c")

    assert record == {"attributes": {"type": "Order__c"}, "Account__c": None}


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(0, 9), max_size=6), call_rows=st.integers(1, 7))
def test_calls_hold_all_rows_in_order(sizes, call_rows):
    batches = [
        frame(Name=[f"{n}.{row}" for row in range(size)] or []) for n, size in enumerate(sizes)
    ]
    batches = [
        batch.cast(pa.schema([(n, pa.string()) for n in batch.schema.names])) for batch in batches
    ]

    found = [batch["Name"].to_pylist() for batch in calls(batches, call_rows)]

    assert list(chain.from_iterable(found)) == [
        name for batch in batches for name in batch["Name"].to_pylist()
    ]
    assert all(len(names) == call_rows for names in found[:-1])
    assert all(found)


# --- a running org


def written(client, rows, operation="upsert", external_id="ERP_Id__c"):
    names = [name for name in rows.schema.names if not name.startswith("_")]
    columns = columns_of(client.describe("Account"), *names, describe_of=client.describe)
    found = client.collections.write("Account", operation, external_id, rows, columns)
    assert found.schema == OUTCOME_SCHEMA
    return found.to_pylist()


def test_an_upsert_tells_of_each_row_what_became_of_it(org, client):
    org.create("Account", {"Name": "Old", "ERP_Id__c": "b"})
    names = ["New", "Newer", "x" * 300]

    rows = written(client, frame(ERP_Id__c=["a", "b", "c"], Name=names))

    assert [(row["outcome"], row["created"]) for row in rows] == [
        ("accepted", True),
        ("accepted", False),
        ("failed", None),
    ]
    assert (rows[2]["error_code"], rows[2]["error_fields"]) == ("STRING_TOO_LONG", ["Name"])
    assert json.loads(rows[2]["payload"]) == {"ERP_Id__c": "c", "Name": "x" * 300}
    truth = {row["ERP_Id__c"]: (row["Id"], row["Name"]) for row in org.rows("Account")}
    assert truth == {"a": (rows[0]["sf_id"], "New"), "b": (rows[1]["sf_id"], "Newer")}


def test_two_hundred_rows_take_one_call(org, client):
    keys = [f"k{n}" for n in range(200)]
    client.describe("Account")
    calls_before = client.api_calls

    rows = written(client, frame(ERP_Id__c=keys, Name=keys))

    assert {row["outcome"] for row in rows} == {"accepted"}
    assert client.api_calls == calls_before + 1
    assert len(org.ids("Account")) == 200


def test_rows_are_updated_by_id_and_cleared_by_the_null_marker(org, client):
    ids = org.create("Account", {"Name": "A", "Site": "s"}, {"Name": "B", "Site": "s"})

    rows = written(client, frame(Id=ids, Site=["#N/A", ""]), "update", None)

    assert [(row["outcome"], row["created"]) for row in rows] == [("accepted", False)] * 2
    assert {row["Name"]: row["Site"] for row in org.rows("Account")} == {"A": None, "B": "s"}


def test_an_answer_that_was_lost_is_asked_for_again(org, client):
    client.describe("Account")
    org.faults.cut_connection("*/composite/sobjects/*", after_bytes=5, method="PATCH")

    rows = written(client, frame(ERP_Id__c=["a"], Name=["A"]))

    assert [row["outcome"] for row in rows] == ["accepted"]
    assert len(org.ids("Account")) == 1


def test_a_row_that_cannot_be_read_does_not_hold_up_the_others(org, client):
    refusal = [{"errorCode": "JSON_PARSER_ERROR", "message": "Cannot deserialize"}]
    client.describe("Account")
    # The whole call, then its first half.
    org.faults.answer(400, refusal, times=2, path="*/composite/sobjects/*")

    rows = written(client, frame(ERP_Id__c=["a", "b"], Name=["A", "B"]))

    assert [(row["outcome"], row["error_code"]) for row in rows] == [
        ("failed", "JSON_PARSER_ERROR"),
        ("accepted", None),
    ]


def test_more_rows_than_a_call_takes_are_refused_before_sending(client):
    with pytest.raises(ValueError, match="201 rows; a call takes 200"):
        written(client, frame(ERP_Id__c=["a"] * 201))


def test_an_answer_for_another_number_of_rows_is_not_believed(connect):
    rows = frame(Ext__c=["a", "b"])
    columns = columns_of(ORDER, "Ext__c")
    with scripted_org(answer([{"id": "a00", "success": True, "errors": []}])) as org:
        client = connect(org.url)
        with pytest.raises(AnswerError, match="isn't a list of 2 results"):
            client.collections.write("Order__c", "upsert", "Ext__c", rows, columns)

    (seen,) = org.requests
    assert seen.headers["sforce-call-options"] == "client=tidegate"
    assert seen.target.endswith("/composite/sobjects/Order__c/Ext__c")


def test_a_row_that_succeeded_is_accepted_whatever_stands_among_its_errors(connect):
    # As a published platform event is answered.
    queued = {"statusCode": "OPERATION_ENQUEUED", "message": "a uuid", "fields": []}
    answers = [{"id": "e01xx0000000001AAA", "success": True, "errors": [queued]}]
    with scripted_org(answer(answers)) as org:
        rows = connect(org.url).collections.write(
            "Order__c", "upsert", "Ext__c", frame(Ext__c=["a"]), columns_of(ORDER, "Ext__c")
        )

    (row,) = rows.to_pylist()
    assert (row["outcome"], row["sf_id"], row["error_code"]) == (
        "accepted",
        "e01xx0000000001AAA",
        None,
    )


def test_several_errors_of_a_row_are_kept_together(connect):
    errors = [
        {"statusCode": "REQUIRED_FIELD_MISSING", "message": "no name", "fields": ["Name"]},
        {"statusCode": "STRING_TOO_LONG", "message": "too long", "fields": ["Name", "Note__c"]},
    ]
    with scripted_org(answer([{"success": False, "errors": errors}])) as org:
        rows = connect(org.url).collections.write(
            "Order__c", "upsert", "Ext__c", frame(Ext__c=["a"]), columns_of(ORDER, "Ext__c")
        )

    (row,) = rows.to_pylist()
    assert row["error_code"] == "REQUIRED_FIELD_MISSING"
    assert row["error_message"] == "no name; too long"
    assert row["error_fields"] == ["Name", "Note__c"]
