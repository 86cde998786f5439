"""The org's objects: which there are, what tells them apart, how their fields follow the rules."""

import re
from datetime import date

import duckdb
import pytest

from emulator.schema.columns import create_table_sql, duckdb_type, value_sql
from emulator.schema.describe import basic_describe, describe_global, describe_object
from emulator.schema.field_rules import ATTRIBUTES, label_of
from emulator.schema.formula_check import broken_formulas
from emulator.schema.load import load_schema

SCHEMA = load_schema()
FIELDS = [(one, field) for one in SCHEMA.objects.values() for field in one.fields.values()]

# Key prefixes as a real org's global describe gives them; null where an object has none.
KEY_PREFIXES = {
    "Account": "001", "AccountHistory": None, "Asset": "02i", "Attachment": "00P",
    "Campaign": "701", "CampaignMember": "00v", "Case": "500", "Contact": "003",
    "ContentVersion": "068", "Event": "00U", "Group": "00G", "Lead": "00Q", "Opportunity": "006",
    "OpportunityContactRole": "00K", "OpportunityLineItem": "00k", "OpportunityStage": "01J",
    "Order": "801", "OrderItem": "802", "Organization": "00D", "Pricebook2": "01s",
    "PricebookEntry": "01u", "Product2": "01t", "Profile": "00e", "RecordType": "012",
    "Task": "00T", "User": "005", "UserRole": "00E", "Order__c": "a00", "Order_Event__e": "e00",
}  # fmt: skip

# Recorded, like the prefixes.
NOT_REPLICATEABLE = {"OpportunityStage", "ContentVersion", "Order_Event__e"}
WITHOUT_IS_DELETED = {
    "User", "Group", "Profile", "UserRole", "RecordType", "OpportunityStage", "Organization",
    "Order_Event__e",
}  # fmt: skip
NAME_FIELDS = {
    "Account": "Name", "Case": "CaseNumber", "Event": "Subject", "Task": "Subject",
    "Order": "OrderNumber", "OrderItem": "OrderItemNumber", "OpportunityContactRole": None,
    "OpportunityStage": "MasterLabel", "AccountHistory": None,
}  # fmt: skip


def test_the_org_has_these_objects_with_their_key_prefixes():
    assert {name: one.key_prefix for name, one in SCHEMA.objects.items()} == KEY_PREFIXES


def test_every_field_has_57_attributes_in_order():
    assert len(ATTRIBUTES) == 57
    assert all(list(field.describe) == sorted(ATTRIBUTES) for _, field in FIELDS)


def test_an_object_is_found_by_its_name_in_any_case_and_by_an_id():
    account = SCHEMA.objects["Account"]

    assert SCHEMA.object("ACCOUNT") is account
    assert SCHEMA.by_prefix("001Td0000000001IAA") is account
    assert SCHEMA.by_prefix("017Td0000000001IAA") is SCHEMA.objects["AccountHistory"]
    assert SCHEMA.object("Acount") is None


def test_fields_and_relationships_are_found_in_any_case():
    contact = SCHEMA.objects["Contact"]

    assert contact.field("lastname").name == "LastName"
    assert contact.relationship("ACCOUNT").name == "AccountId"
    assert SCHEMA.objects["Account"].child("contacts").field == "AccountId"
    assert SCHEMA.objects["Order__c"].relationship("account__r").name == "Account__c"


def test_objects_without_deleted_rows_have_no_isdeleted():
    without = {name for name, one in SCHEMA.objects.items() if "IsDeleted" not in one.fields}

    assert without == WITHOUT_IS_DELETED


def test_cursor_fields_differ_as_they_do_in_salesforce():
    history, role = SCHEMA.objects["AccountHistory"], SCHEMA.objects["UserRole"]

    assert {"CreatedDate", "IsDeleted"} <= set(history.fields)
    assert not {"SystemModstamp", "LastModifiedDate"} & set(history.fields)
    assert "CreatedDate" not in role.fields
    assert {name for name, one in SCHEMA.objects.items() if not one.flags["replicateable"]} == (
        NOT_REPLICATEABLE
    )


def test_the_name_field_is_not_always_called_name():
    found = {name: SCHEMA.objects[name].name_field for name in NAME_FIELDS}

    assert {name: one and one.name for name, one in found.items()} == NAME_FIELDS


def test_no_object_has_two_child_relationships_of_one_name():
    for sobject in SCHEMA.objects.values():
        names = [one.relationship_name for one in sobject.children if one.relationship_name]
        assert len(set(names)) == len(names), sobject.name


# Rules by type, as recorded [describes]: soapType, and filterable, sortable, groupable,
# aggregatable.
QUERY_FLAGS = ("filterable", "sortable", "groupable", "aggregatable")
TYPE_FACTS = {
    "id": ("tns:ID", "yyyy"),
    "reference": ("tns:ID", "yyyy"),
    "email": ("xsd:string", "yyyy"),
    "phone": ("xsd:string", "yyyy"),
    "multipicklist": ("xsd:string", "ynnn"),
    "int": ("xsd:int", "yyyy"),
    "double": ("xsd:double", "yyny"),
    "currency": ("xsd:double", "yyny"),
    "percent": ("xsd:double", "yyny"),
    "datetime": ("xsd:dateTime", "yyny"),
    "address": ("urn:address", "ynnn"),
    "combobox": ("xsd:string", "yyny"),
}


@pytest.mark.parametrize("field_type", TYPE_FACTS)
def test_fields_of_a_type_are_queried_alike(field_type):
    soap_type, flags = TYPE_FACTS[field_type]
    fields = [field for _, field in FIELDS if field.type == field_type]

    assert fields
    for field in fields:
        found = "".join("y" if field.describe[one] else "n" for one in QUERY_FLAGS)
        assert (field.describe["soapType"], found) == (soap_type, flags), field.name


def test_long_text_can_be_neither_filtered_nor_sorted_nor_grouped():
    long = [f for _, f in FIELDS if f.type == "textarea" and f.length >= 32_000]

    assert {(f.filterable, f.sortable, f.groupable) for f in long} == {(False, False, False)}


def test_bytes_are_three_per_character_of_text():
    text = [f for _, f in FIELDS if f.type in ("string", "email", "phone", "url", "picklist")]
    # Recorded as 6 for a length of 6.
    exceptions = {"Fiscal"}

    assert {f.name for f in text if f.describe["byteLength"] != 3 * f.length} == exceptions


def test_what_is_computed_can_not_be_written():
    computed = [f for _, f in FIELDS if f.formula or f.auto_number or f.is_compound]

    assert [f.name for f in computed if f.createable or f.updateable] == []


def test_every_formula_runs_in_duckdb():
    assert list(broken_formulas(SCHEMA)) == []


def formula_value(object_name, field_name, row):
    """A formula's value over one row, in an org that has two stages."""
    sobject = SCHEMA.objects[object_name]
    value = value_sql(sobject.fields[field_name], "r")
    with duckdb.connect(":memory:") as connection:
        for one in SCHEMA.objects.values():
            connection.execute(create_table_sql(one))
        connection.execute(
            'INSERT INTO "OpportunityStage" ("MasterLabel", "IsClosed", "IsWon") '
            "VALUES ('Closed Won', true, true), ('Prospecting', false, false)"
        )
        columns = ", ".join(f'"{name}"' for name in row)
        holes = ", ".join("?" for _ in row)
        connection.execute(
            f'INSERT INTO "{object_name}" ({columns}) VALUES ({holes})', list(row.values())
        )
        return connection.execute(f'SELECT {value} FROM "{object_name}" r').fetchall()[0][0]


@pytest.mark.parametrize(
    ("object_name", "field_name", "row", "value"),
    [
        ("Contact", "Name", {"FirstName": "Ada", "LastName": "Berg"}, "Ada Berg"),
        ("Contact", "Name", {"LastName": "Berg"}, "Berg"),
        ("Contact", "Name", {"Id": "003A"}, None),
        ("Lead", "Name", {"FirstName": "Ada", "LastName": "Berg", "Salutation": "Ms."}, "Ada Berg"),
        ("Account", "PhotoUrl", {"Id": "001A"}, "/services/images/photo/001A"),
        ("Opportunity", "IsWon", {"StageName": "Closed Won"}, True),
        ("Opportunity", "IsClosed", {"StageName": "Prospecting"}, False),
        ("Opportunity", "IsClosed", {"StageName": "A stage of old"}, False),
        ("Opportunity", "ExpectedRevenue", {"Amount": 200, "Probability": 25}, 50),
        ("Opportunity", "Fiscal", {"CloseDate": date(2026, 9, 1)}, "2026 3"),
        ("Opportunity", "ForecastCategory", {"ForecastCategoryName": "Best Case"}, "BestCase"),
        ("Opportunity", "ForecastCategory", {"ForecastCategoryName": "Commit"}, "Forecast"),
        ("Task", "IsClosed", {"Status": "Completed"}, True),
        ("Task", "IsHighPriority", {"Priority": "Low"}, False),
        ("Order__c", "Amount_With_Tax__c", {"Amount__c": 100, "Tax_Rate__c": 19}, 119),
        ("Order__c", "Amount_With_Tax__c", {"Amount__c": None}, 0),
        ("OpportunityLineItem", "TotalPrice", {"UnitPrice": 10, "Quantity": 3}, 30),
    ],
)
def test_a_derived_field_follows_its_row(object_name, field_name, row, value):
    assert formula_value(object_name, field_name, row) == value


@pytest.mark.parametrize(
    ("object_name", "field_name", "column_type"),
    [
        ("Account", "Name", "VARCHAR"),
        ("Account", "AnnualRevenue", "DOUBLE"),
        ("Account", "BillingLatitude", "DOUBLE"),
        ("Account", "NumberOfEmployees", "INTEGER"),
        ("Opportunity", "ExpectedRevenue", "DECIMAL(18,2)"),
        ("Opportunity", "CloseDate", "DATE"),
        ("Opportunity", "CreatedDate", "TIMESTAMP"),
        ("Order__c", "Tags__c", "VARCHAR"),
        ("Attachment", "Body", "VARCHAR"),
        ("Account", "IsDeleted", "BOOLEAN"),
    ],
)
def test_a_field_is_stored_as_its_type_asks(object_name, field_name, column_type):
    assert duckdb_type(SCHEMA.objects[object_name].fields[field_name]) == column_type


def test_the_global_describe_has_28_keys_per_entry():
    answer = describe_global(SCHEMA, 66.0)

    assert (answer["encoding"], answer["maxBatchSize"]) == ("UTF-8", 200)
    assert {len(entry) for entry in answer["sobjects"]} == {28}


def test_the_global_describe_lists_change_events_of_objects_that_have_them():
    entries = {entry["name"]: entry for entry in describe_global(SCHEMA, 66.0)["sobjects"]}

    event = entries["AccountChangeEvent"]
    assert event["associateEntityType"] == "ChangeEvent"
    assert event["associateParentEntity"] == "Account"
    assert (event["keyPrefix"], event["queryable"], event["triggerable"]) == (None, False, True)
    assert "eventSchema" in event["urls"]
    assert "Order__ChangeEvent" in entries
    assert "ProfileChangeEvent" not in entries


def test_a_history_object_names_what_it_tells_about():
    history = basic_describe(SCHEMA.objects["AccountHistory"], 66.0)

    assert (history["associateEntityType"], history["associateParentEntity"]) == (
        "History",
        "Account",
    )
    assert (history["queryable"], history["createable"]) == (True, False)


def test_describe_paths_carry_the_version_that_was_asked_for():
    account = SCHEMA.objects["Account"]

    answer = describe_object(SCHEMA, account, 61.0, "/services/data/v61.0", instance_url="http://o")

    paths = {re.match(r"/services/data/(v[\d.]+)/", url) for url in answer["urls"].values()}
    assert {one[1] for one in paths if one} == {"v61.0"}
    assert answer["urls"]["uiNewRecord"] == "http://o/001/e"


def test_labels_are_read_out_of_api_names():
    assert label_of("MailingCity") == "Mailing City"
    assert label_of("OwnerId", "reference") == "Owner ID"
    assert label_of("Sync_Status__c") == "Sync Status"
