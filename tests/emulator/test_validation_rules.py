"""Validation rules of the schema file: what REST and Bulk write must keep to."""

import pytest

from emulator.schema.errors import SchemaFileError
from emulator.schema.load import load_schema
from tests.emulator.api import Api, error_of
from tests.emulator.ingest_api import Ingest
from tests.emulator_process import running_org

RULES = """
objects:
  Order__c:
    validationRules:
      Amount_Not_Negative:
        expression: '{row}."Amount__c" < 0'
        message: "An order can't cost less than nothing"
        field: Amount__c
      Shipped_Has_Date:
        expression: '{row}."Status__c" = ''Shipped'' AND {row}."Order_Date__c" IS NULL'
        message: Shipped when?
"""


@pytest.fixture(scope="module")
def ruled_org(tmp_path_factory):
    file = tmp_path_factory.mktemp("rules") / "schema.yaml"
    file.write_text(RULES)
    with running_org("--seed", "empty", "--schema", str(file)) as org:
        yield org


@pytest.fixture
def api(ruled_org):
    ruled_org.reset()
    return Api(ruled_org)


def test_an_upload_is_refused_row_by_row(api):
    ingest = Ingest(api)
    errors = ingest.errors(
        "ERP_Order_Id__c,Amount__c,Status__c\nA-1,-1,\nA-2,1,Shipped\nA-3,-1,Shipped\nA-4,1,\n"
    )

    negative = (
        "FIELD_CUSTOM_VALIDATION_EXCEPTION:An order can't cost less than nothing:Amount__c --"
    )
    assert errors == {
        "A-1": negative,
        "A-2": "FIELD_CUSTOM_VALIDATION_EXCEPTION:Shipped when?:--",
        "A-3": negative,
    }


def test_an_upload_is_judged_by_the_row_as_it_will_be(api):
    ingest = Ingest(api)
    ingest.run("ERP_Order_Id__c,Status__c\nA-1,Draft\n")

    dateless = ingest.errors("ERP_Order_Id__c,Status__c\nA-1,Shipped\n")
    dated = ingest.errors("ERP_Order_Id__c,Status__c,Order_Date__c\nA-1,Shipped,2026-01-02\n")
    cleared = ingest.errors("ERP_Order_Id__c,Order_Date__c\nA-1,#N/A\n")

    assert (set(dateless), set(dated), set(cleared)) == ({"A-1"}, set(), {"A-1"})


def test_a_row_by_rest_is_refused_with_message_and_field(api):
    answer = api.post("sobjects/Order__c", {"Amount__c": -1})

    assert answer.status_code == 400
    assert answer.json() == [
        {
            "message": "An order can't cost less than nothing",
            "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "fields": ["Amount__c"],
        }
    ]


def test_an_update_by_rest_is_judged_by_the_row_as_it_will_be(api):
    made = api.post("sobjects/Order__c", {"Amount__c": 5}).json()["id"]

    refused = api.patch(f"sobjects/Order__c/{made}", {"Status__c": "Shipped"})
    taken = api.patch(
        f"sobjects/Order__c/{made}", {"Status__c": "Shipped", "Order_Date__c": "2026-01-02"}
    )

    assert error_of(refused) == (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    assert refused.json()[0]["fields"] == []
    assert taken.status_code == 204


def test_the_controls_write_what_they_want(ruled_org, api):
    (made,) = ruled_org.change("Order__c", create=[{"Amount__c": -1}])

    assert api.get(f"sobjects/Order__c/{made}").json()["Amount__c"] == -1.0


@pytest.mark.parametrize(
    ("rule", "where", "says"),
    [
        ("{message: nope}", "Order__c.validationRules.R.expression", "must be text"),
        ("{expression: 'true'}", "Order__c.validationRules.R.message", "must be text"),
        ("{expression: '{row}.\"Nope\" = 1', message: nope}",
         "Order__c.validationRules.R.expression", "DuckDB refuses it"),
        ("{expression: 'true', message: nope, field: Amount}",
         "Order__c.validationRules.R.field", "Did you mean Amount__c?"),
        ("{expression: 'true', message: nope, at: Amount__c}",
         "Order__c.validationRules.R.at", "a key here"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_rule_is_told_with_its_place(tmp_path, rule, where, says):
    file = tmp_path / "schema.yaml"
    file.write_text(f"objects:\n  Order__c:\n    validationRules:\n      R: {rule}\n")

    with pytest.raises(SchemaFileError) as caught:
        load_schema(file)

    assert caught.value.where == where
    assert says in str(caught.value)
