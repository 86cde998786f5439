"""What a description knows about its object."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from resources.salesforce.describe import if_changed, parse_describe
from resources.salesforce.describe_json import describe_from_json, describe_to_json
from resources.salesforce.errors import UnknownFieldError
from resources.salesforce.org_clock import read_interval
from tests.resources.salesforce.described import OBJECT, described, field


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


@pytest.mark.parametrize(
    ("age_s", "header"), [(1, ""), (3, "Tue, 24 Nov 2026 12:00:00 GMT"), (None, "")]
)
def test_it_is_asked_for_if_changed_unless_a_change_could_have_the_same_date(age_s, header):
    changed = datetime(2026, 11, 24, 12, tzinfo=UTC)
    headers = {} if age_s is None else {"Last-Modified": "Tue, 24 Nov 2026 12:00:00 GMT"}
    read = read_interval(changed + timedelta(seconds=age_s or 60), 0.1)

    order = parse_describe({**OBJECT, "fields": []}, headers, read)

    assert if_changed(order) == ({"If-Modified-Since": header} if header else {})


def test_a_description_stays_the_same_through_json():
    status = field("Status", "picklist", picklistValues=[{"value": "Open", "active": True}])
    order = described(field("Id", "id"), status, field("A__c", "reference", referenceTo=["A"]))

    kept = json.loads(json.dumps(describe_to_json(order)))

    assert describe_from_json(kept) == order
