"""toLabel() and FORMAT()."""

from dataclasses import replace
from datetime import date, datetime

import pytest

from emulator.ids import make_id
from emulator.schema.model import Schema
from tests.emulator.soql.conftest import empty_org


@pytest.fixture
def labelled_org(schema):
    """An org whose order tags have labels of their own, as a translated picklist has."""
    order = schema.objects["Order__c"]
    tags = order.fields["Tags__c"]
    entries = [
        {**entry, "label": f"{entry['value']}!"} for entry in tags.describe["picklistValues"]
    ]
    labelled = replace(tags, describe={**tags.describe, "picklistValues": entries})
    changed = replace(order, fields={**order.fields, "Tags__c": labelled})
    org = empty_org(Schema({**schema.objects, "Order__c": changed}))
    org.insert("Order__c", Id=make_id("a00", 1), Tags__c="Gift;Export;Old")
    org.insert("Account", Id=make_id("001", 1), CleanStatus="Matched")
    org.insert("Account", Id=make_id("001", 2))
    yield org
    org.connection.close()


def test_labels_stand_in_place_of_values_under_the_fields_name(labelled_org):
    assert labelled_org.values("SELECT tolabel(cleanstatus), Id FROM Account ORDER BY Id") == [
        {"CleanStatus": "In Sync", "Id": make_id("001", 1)},
        {"CleanStatus": None, "Id": make_id("001", 2)},
    ]


def test_of_several_values_each_has_its_label_or_stays(labelled_org):
    assert labelled_org.values("SELECT toLabel(Tags__c) FROM Order__c") == ["Gift!;Export!;Old"]


def test_a_field_and_its_label_need_two_names(labelled_org):
    both = "SELECT CleanStatus, toLabel(CleanStatus) label FROM Account ORDER BY Id LIMIT 1"

    assert labelled_org.values(both) == [{"CleanStatus": "Matched", "label": "In Sync"}]
    refusal = labelled_org.refusal("SELECT CleanStatus, toLabel(CleanStatus) FROM Account")
    assert refusal.reason == "duplicate field selected: CleanStatus"


def test_a_parents_label_stands_in_the_parent(soql):
    (record,) = soql.records("SELECT toLabel(Account.Rating) FROM Contact WHERE LastName = 'Dee'")

    assert record["Account"]["Rating"] == "Hot"


FORMATTED = [
    ("Opportunity", "Amount", 1234567.891, "$1,234,567.89"),
    ("Opportunity", "Amount", -5.0, "-$5.00"),
    ("Opportunity", "Probability", 30.0, "30%"),
    ("Account", "NumberOfEmployees", 12345, "12,345"),
    ("Opportunity", "CloseDate", date(2026, 5, 9), "5/9/2026"),
    # The user is in Los Angeles.
    ("Account", "CreatedDate", datetime(2026, 5, 15, 1, 5), "5/14/2026, 6:05 PM"),
    ("Account", "AnnualRevenue", None, None),
]


@pytest.mark.parametrize(("sobject", "field", "value", "text"), FORMATTED)
def test_values_are_formatted_as_people_in_the_united_states_read_them(
    bare_org, sobject, field, value, text
):
    prefix = bare_org.schema.objects[sobject].id_prefix
    bare_org.insert(sobject, **{"Id": make_id(prefix, 1), field: value})

    assert bare_org.records(f"SELECT FORMAT({field}) shown, Id FROM {sobject}")[0]["shown"] == text
    assert bare_org.records(f"SELECT FORMAT({field}), Id FROM {sobject}")[0][field] == text


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("SELECT toLabel(Name) FROM Account", "field Name does not support the function TOLABEL"),
        ("SELECT FORMAT(Name) FROM Account", "field Name does not support the function FORMAT"),
        ("SELECT toLabel() FROM Account", "TOLABEL takes a field"),
        ("SELECT FORMAT(SUM(AnnualRevenue)) FROM Account", "FORMAT takes a field"),
        ("SELECT Id FROM Account WHERE toLabel(Rating) = 'Hot'", "unexpected token: '('"),
    ],
)
def test_other_arguments_and_places_are_refused(soql, statement, reason):
    assert soql.refusal(statement).reason == reason


def test_bulk_refuses_both(soql):
    for function in ("toLabel(Rating)", "FORMAT(AnnualRevenue)"):
        refusal = soql.refusal(f"SELECT {function} FROM Account", bulk=True)
        assert refusal.reason == "Functions not supported in Bulk Query"
