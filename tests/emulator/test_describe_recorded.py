"""The emulator describes standard objects as real orgs do (tests/data/describes)."""

import json
from pathlib import Path

import pytest

from emulator.schema.describe import describe_object
from emulator.schema.load import load_schema

RECORDED = Path(__file__).parents[1] / "data" / "describes"
OBJECTS = (
    "Account",
    "Case",
    "Contact",
    "Event",
    "Lead",
    "Opportunity",
    "OpportunityContactRole",
)


@pytest.fixture(scope="module")
def schema():
    return load_schema()


def recorded(name):
    return json.loads((RECORDED / f"{name}.json").read_text("utf-8"))


def recorded_fields(name):
    common = json.loads((RECORDED / "common.json").read_text("utf-8"))
    for row in recorded(name)["fields"]:
        entries = row.get("picklistValues", [])
        values = [
            {"active": active, "defaultValue": default, "label": label, "validFor": None}
            | {"value": value}
            for value, label, active, default in entries
        ]
        yield {**common, **row, "picklistValues": values}


def described(schema, name):
    version = recorded(name)["version"]
    return describe_object(schema, schema.object(name), version, f"/services/data/v{version}")


@pytest.mark.parametrize("name", OBJECTS)
def test_every_recorded_field_has_all_57_attributes_as_recorded(schema, name):
    ours = {field["name"]: field for field in described(schema, name)["fields"]}

    different = [
        (field["name"], attribute, value, ours[field["name"]][attribute])
        for field in recorded_fields(name)
        for attribute, value in field.items()
        if ours[field["name"]][attribute] != value
    ]

    assert different == []
    assert {len(field) for field in recorded_fields(name)} == {57}


@pytest.mark.parametrize("name", OBJECTS)
def test_fields_come_in_the_recorded_order_and_their_attributes_sorted(schema, name):
    fields = described(schema, name)["fields"]

    standard = [field["name"] for field in fields if not field["custom"]]

    assert standard == [field["name"] for field in recorded_fields(name)]
    assert all(list(field) == sorted(field) for field in fields)


@pytest.mark.parametrize("name", OBJECTS)
def test_the_object_itself_is_described_as_recorded(schema, name):
    ours = described(schema, name)

    facts = recorded(name)["object"]

    assert {key: ours[key] for key in facts} == facts
    assert set(ours) - set(facts) == {
        "actionOverrides",
        "childRelationships",
        "fields",
        "recordTypeInfos",
        "urls",
    }


@pytest.mark.parametrize("name", OBJECTS)
def test_child_relationships_are_those_recorded(schema, name):
    ours = {
        (child["childSObject"], child["field"]): child
        for child in described(schema, name)["childRelationships"]
    }
    keys = ("relationshipName", "cascadeDelete", "restrictedDelete")
    keys += ("junctionIdListNames", "junctionReferenceTo")

    for child, field, *facts in recorded(name)["children"]:
        assert [ours[child, field][key] for key in keys] == facts
