"""A mapping's names are looked up in describe, parents by their external ids."""

import pytest

from resources.salesforce.errors import MappingError, UnknownFieldError
from resources.salesforce.load_columns import resolve_column
from tests.resources.salesforce.described import described, field

ACCOUNT = described(
    field("Id", "id", idLookup=True),
    field("ERP_Id__c", "string", externalId=True, length=40),
    field("Name", "string"),
    name="Account",
)
LEAD = described(field("Email", "email", idLookup=True), name="Lead")
TASK = described(
    field("Subject", "string"),
    field("WhatId", "reference", referenceTo=["Account"], relationshipName="What"),
    field(
        "WhoId",
        "reference",
        referenceTo=["Contact", "Lead"],
        relationshipName="Who",
        polymorphicForeignKey=True,
    ),
    name="Task",
)


def resolved(name):
    return resolve_column(TASK, name, {"Account": ACCOUNT, "Lead": LEAD}.__getitem__)


def test_a_field_is_itself():
    column = resolved("subject")

    assert (column.field.name, column.parent, column.typed.name) == ("Subject", None, "Subject")


def test_a_parent_is_named_by_its_external_id():
    column = resolved("What.ERP_Id__c")

    assert (column.field.name, column.typed.name) == ("WhatId", "ERP_Id__c")
    assert (column.relationship, column.parent_type) == ("What", None)


def test_a_polymorphic_parent_needs_its_type():
    column = resolved("Lead:Who.Email")

    assert (column.field.name, column.typed.name) == ("WhoId", "Email")
    assert (column.relationship, column.parent_type) == ("Who", "Lead")


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("Who.Email", "say which object it points to"),
        ("Account:Who.ERP_Id__c", "say which object it points to"),
        ("Account:What.ERP_Id__c", "drop `Account:`"),
        ("Whom.Email", "no relationship Whom"),
        ("What.Name", "Account.Name is neither an external id nor a lookup field"),
        ("What.Owner.Name", "it isn't a field"),
    ],
)
def test_what_salesforce_would_refuse_is_said_before(name, cause):
    with pytest.raises(MappingError, match=cause):
        resolved(name)


@pytest.mark.parametrize("name", ["Nothing__c", "What.Nothing__c"])
def test_an_unknown_field_is_an_error_of_its_object(name):
    with pytest.raises(UnknownFieldError):
        resolved(name)


def test_a_new_row_must_bring_what_nothing_else_gives():
    order = described(
        field("Name", "string", nillable=False),
        field("OwnerId", "reference", nillable=False, defaultedOnCreate=True),
        field("CreatedById", "reference", nillable=False, createable=False),
        field("Note__c", "string"),
    )

    assert [needed.name for needed in order.required_on_create] == ["Name"]
