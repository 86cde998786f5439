"""`--schema FILE`: objects and fields that a user adds, and what they are told when it's wrong."""

import pickle

import duckdb
import pytest

from emulator.schema.columns import create_table_sql, duckdb_type, value_sql
from emulator.schema.errors import SchemaFileError
from emulator.schema.field_rules import ATTRIBUTES
from emulator.schema.load import load_schema

SHIPMENT = """
objects:
  Account:
    fields:
      Region__c: {type: picklist, values: [North, South], restricted: true, default: North}
  Shipment__c:
    label: Shipment
    plural: Shipments
    name: {numberFormat: "SH-{00000}"}
    fields:
      Order__c: {type: reference, to: Order__c, child: Shipments__r}
      Weight__c: {type: double, precision: 10, scale: 3, label: Weight (kg)}
      Sent_At__c: {type: datetime, required: true}
      ERP_Id__c: {type: string, length: 30, externalId: true, unique: true}
      Is_Heavy__c: {type: boolean, formula: '{row}."Weight__c" > 100'}
"""


def load(tmp_path, text):
    file = tmp_path / "schema.yaml"
    file.write_text(text)
    return load_schema(file)


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    return load(tmp_path_factory.mktemp("schema"), SHIPMENT)


def test_a_new_object_has_the_fields_that_every_object_has(schema):
    shipment = schema.object("shipment__c")

    assert shipment.kind == "custom"
    assert shipment.label_plural == "Shipments"
    assert {"Id", "OwnerId", "Name", "IsDeleted", "SystemModstamp"} < set(shipment.fields)
    assert shipment.name_field.auto_number
    assert shipment.name_field.number_format == "SH-{00000}"


def test_a_new_object_gets_a_key_prefix_that_no_other_has(schema):
    prefixes = [one.key_prefix for one in schema.objects.values() if one.key_prefix]

    assert schema.object("Shipment__c").key_prefix.startswith("a")
    assert len(set(prefixes)) == len(prefixes)


def test_its_fields_are_described_with_all_attributes(schema):
    weight = schema.object("Shipment__c").field("Weight__c")

    assert list(weight.describe) == list(ATTRIBUTES)
    assert (weight.label, weight.custom, duckdb_type(weight)) == (
        "Weight (kg)",
        True,
        "DOUBLE",
    )


def test_a_required_field_and_an_external_id_are_described_as_such(schema):
    shipment = schema.object("Shipment__c")

    assert shipment.field("Sent_At__c").required_on_create
    erp_id = shipment.field("ERP_Id__c")
    assert (erp_id.external_id, erp_id.unique, erp_id.id_lookup) == (True, True, True)


def test_its_references_are_child_relationships_of_their_targets(schema):
    child = schema.object("Order__c").child("Shipments__r")

    assert (child.child_object, child.field) == ("Shipment__c", "Order__c")


def test_a_field_is_added_to_an_object_that_the_org_has(schema):
    region = schema.object("Account").field("Region__c")

    assert region.picklist_values == ("North", "South")
    assert (region.default_value, region.defaulted_on_create) == ("North", True)
    assert "Region__c" not in load_schema().object("Account").fields


def formula_values(sobject, field, column, *values):
    """What a formula makes of rows that have these values in a column."""
    formula = value_sql(field, "r")
    with duckdb.connect(":memory:") as connection:
        connection.execute(create_table_sql(sobject))
        for value in values:
            connection.execute(f'INSERT INTO "{sobject.name}" ("{column}") VALUES (?)', [value])
        return [
            row[0] for row in connection.sql(f'SELECT {formula} FROM "{sobject.name}" r').fetchall()
        ]


def test_a_formula_is_read_only_and_computed_from_the_row(schema):
    shipment = schema.object("Shipment__c")
    heavy = shipment.field("Is_Heavy__c")

    assert (heavy.calculated, heavy.createable, heavy.is_stored) == (True, False, False)
    assert formula_values(shipment, heavy, "Weight__c", 99, 101) == [False, True]


def test_a_formula_without_a_character_is_null(tmp_path):
    file = tmp_path / "schema.yaml"
    file.write_text(in_shipment("Mark__c: {type: string, formula: 'trim({row}.\"Name\")'}"))
    shipment = load_schema(file).object("Shipment__c")

    assert formula_values(shipment, shipment.field("Mark__c"), "Name", " ", " x") == [None, "x"]


def in_shipment(field):
    return f"objects:\n  Shipment__c:\n    fields:\n      {field}\n"


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("objects: [", "line 1", "isn't YAML"),
        ("[1, 2]", "", "must be a mapping"),
        ("object: {}", "object", "Did you mean objects?"),
        ("objects:\n  Shipment__c: {lable: X}", "Shipment__c.lable", "Did you mean label?"),
        ("objects:\n  Acount: {fields: {}}", "Acount", "Did you mean Account?"),
        ("objects:\n  Ship ment__c: {}", "Ship ment__c", "isn't an API name"),
        ("objects:\n  Account: {label: X}", "Account.label", "the org has this object already"),
        ("objects:\n  A__c: {keyPrefix: '001'}", "A__c.keyPrefix", "the prefix of Account"),
        ("objects:\n  A__c: {keyPrefix: a}", "A__c.keyPrefix", "isn't three letters"),
        ("objects:\n  A__c: {keyPrefix: 12}", "A__c.keyPrefix", "must be text"),
        (
            "objects:\n  Account:\n    fields:\n      Name: {type: string}",
            "Account.Name",
            "has this field already",
        ),
        (in_shipment("W__c: {type: dubble}"), "W__c.type", "Did you mean double?"),
        (in_shipment("W__c: {typ: double}"), "W__c.typ", "Did you mean type?"),
        (in_shipment("W__c: {label: W}"), "W__c", "has no type"),
        (in_shipment("W: {type: double}"), "Shipment__c.W", "Call it W__c."),
        (in_shipment("W__c: {type: string, length: long}"), "W__c.length", "a whole number"),
        (in_shipment("W__c: {type: string, unique: 1}"), "W__c.unique", "true or false"),
        (in_shipment("W__c: {type: double, precision: 3, scale: 4}"), "W__c.scale", "greater"),
        (in_shipment("W__c: {type: string, values: [A]}"), "W__c.values", "have no values"),
        (in_shipment("W__c: {type: picklist, values: [yes]}"), "W__c.values", "must be text"),
        (in_shipment("W__c: {type: reference}"), "W__c", "needs to know where it points"),
        (in_shipment("W__c: {type: reference, to: Acount}"), "W__c.to", "Did you mean Account?"),
        (in_shipment("W__c: {type: string, to: Account}"), "W__c.to", "point nowhere"),
        (in_shipment("W__c: {type: double, formula: '1'}"), "W__c.formula", "doesn't name the row"),
        (
            in_shipment("W__c: {type: double, formula: '{row}.\"Wieght__c\"'}"),
            "Shipment__c.W__c.formula",
            "DuckDB refuses it",
        ),
        (
            in_shipment("W__c: {type: string, numberFormat: SH}"),
            "W__c.numberFormat",
            "has no {000}",
        ),
        (
            in_shipment("W__c: {type: reference, to: Account, child: Contacts}"),
            "Shipment__c.W__c.child",
            "another child relationship Contacts",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_to_do(tmp_path, text, where, says):
    with pytest.raises(SchemaFileError) as caught:
        load(tmp_path, text)

    assert caught.value.where.endswith(where)
    assert says in str(caught.value)
    assert str(tmp_path / "schema.yaml") in str(caught.value)


def test_a_file_that_is_not_there_is_told_with_its_path(tmp_path):
    with pytest.raises(SchemaFileError, match=r"nowhere\.yaml: can't be read"):
        load_schema(tmp_path / "nowhere.yaml")


def test_the_error_survives_a_trip_between_processes(tmp_path):
    error = SchemaFileError(tmp_path, "A__c", "is wrong", "Mend it.")

    assert str(pickle.loads(pickle.dumps(error))) == str(error)
