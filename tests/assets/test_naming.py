"""Names in the warehouse."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.errors import NameCollisionError
from assets.naming import column_names, warehouse_name

API_NAMES = st.from_regex(
    r"[A-Za-z][A-Za-z0-9]{0,12}(_[A-Za-z0-9]{1,8}){0,3}(__c)?", fullmatch=True
)


@pytest.mark.parametrize(
    ("api_name", "name"),
    [
        ("AnnualRevenue", "annual_revenue"),
        ("ERP_Id__c", "erp_id_c"),
        ("Custom_Object__c", "custom_object_c"),
        # As columns are called in public dbt models on Fivetran's tables.
        ("LastCURequestDate", "last_curequest_date"),
        ("Pricebook2Id", "pricebook_2_id"),
        ("Product2", "product_2"),
        ("npe01__HH__c", "npe_01_hh_c"),
        ("IsDeleted", "is_deleted"),
        ("Id", "id"),
    ],
)
def test_names_are_written_as_fivetran_writes_them(api_name: str, name: str):
    assert warehouse_name(api_name) == name


@given(API_NAMES)
def test_a_name_is_small_letters_digits_and_single_underscores(api_name: str):
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", warehouse_name(api_name))


@given(API_NAMES)
def test_a_name_that_is_written_so_already_stays(api_name: str):
    name = warehouse_name(api_name)

    assert warehouse_name(name) == name


@given(API_NAMES)
def test_no_letter_and_no_digit_is_lost(api_name: str):
    assert warehouse_name(api_name).replace("_", "") == api_name.replace("_", "").lower()


@given(st.lists(API_NAMES, min_size=1, max_size=20, unique=True))
def test_two_fields_never_share_a_column(api_names: list[str]):
    shared = len({warehouse_name(name) for name in api_names}) < len(api_names)
    if shared:
        with pytest.raises(NameCollisionError):
            column_names(api_names)
    else:
        assert len(set(column_names(api_names).values())) == len(api_names)


def test_a_collision_names_both_fields():
    with pytest.raises(NameCollisionError, match="My_Field__c and MyField__c"):
        column_names(["My_Field__c", "MyField__c"])


def test_salesforces_own_names_can_be_kept():
    assert column_names(["AnnualRevenue", "ERP_Id__c"], "api") == {
        "AnnualRevenue": "AnnualRevenue",
        "ERP_Id__c": "ERP_Id__c",
    }
