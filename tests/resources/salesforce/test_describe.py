"""What a description knows about its object."""

import pytest

from resources.salesforce.errors import UnknownFieldError
from tests.resources.salesforce.described import described, field


def test_fields_are_found_in_any_case():
    order = described(field("ERP_Id__c", "string"))

    assert order.field("erp_id__C").name == "ERP_Id__c"
    assert order.find("Nothing") is None


def test_an_unknown_field_is_an_error_that_says_what_to_do():
    order = described(field("Industry", "picklist"))

    with pytest.raises(UnknownFieldError, match=r"Did you mean Industry.*field-level security"):
        order.field("Industri")


def test_soft_deletes_show_only_where_the_field_exists():
    assert described(field("IsDeleted", "boolean")).has_soft_deletes
    assert not described(field("Id", "id")).has_soft_deletes


def test_parts_of_a_compound_leave_itself_out():
    # A business account's Name names itself as its compound.
    contact = described(
        field("Name", "string", compoundFieldName="Name"),
        field("FirstName", "string", compoundFieldName="Name"),
    )

    assert [part.name for part in contact.parts("Name")] == ["FirstName"]


def test_inactive_picklist_values_are_left_out():
    values = [{"value": "Open", "active": True}, {"value": "Old", "active": False}]

    status = described(field("Status", "picklist", picklistValues=values)).field("Status")

    assert status.picklist_values == ("Open",)
