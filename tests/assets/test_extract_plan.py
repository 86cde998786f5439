"""Which fields, which queries, which API."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from assets.errors import (
    FieldNotExtractableError,
    MaskedFieldMissingError,
    NoModstampError,
    UnknownFieldsError,
)
from assets.extract_plan import build_queries, choose_api, select_fields, stay_with_rest
from assets.specs import ObjectSpec
from assets.windows import Window


@dataclass(frozen=True)
class Field:
    name: str
    type: str = "string"
    compound_field_name: str | None = None


DESCRIBED = {
    field.name: field
    for field in [
        Field("Id", "id"),
        Field("IsDeleted", "boolean"),
        Field("Name"),
        Field("BillingStreet", compound_field_name="BillingAddress"),
        Field("BillingCity", compound_field_name="BillingAddress"),
        Field("BillingAddress", "address"),
        Field("Logo", "base64"),
        Field("SystemModstamp", "datetime"),
    ]
}
START, END = datetime(2026, 9, 3, tzinfo=UTC), datetime(2026, 9, 4, tzinfo=UTC)
WINDOW = Window(START, END, margin_s=900)


def spec(**settings) -> ObjectSpec:
    return ObjectSpec("Account", **settings)


@pytest.mark.parametrize(
    ("fields", "exclude", "chosen"),
    [
        (("Name",), (), ("Id", "Name")),
        (("name", "ID"), (), ("Id", "Name")),
        (("Billing*",), (), ("Id", "BillingStreet", "BillingCity")),
        (("BillingAddress",), (), ("Id", "BillingStreet", "BillingCity")),
        (("*",), ("Billing*", "IsDeleted"), ("Id", "Name", "SystemModstamp")),
    ],
)
def test_fields_are_chosen_by_name_and_pattern(fields, exclude, chosen):
    assert select_fields(spec(fields=fields, exclude=exclude), DESCRIBED) == chosen


def test_every_unknown_name_is_told_with_its_nearest():
    with pytest.raises(UnknownFieldsError) as error:
        select_fields(spec(fields=("Nme", "Zzz"), exclude=("BillingCty",)), DESCRIBED)

    assert error.value.nearest == {"Nme": "Name", "Zzz": None, "BillingCty": "BillingCity"}


def test_a_file_is_not_a_column():
    with pytest.raises(FieldNotExtractableError, match="Logo is of type base64"):
        select_fields(spec(fields=("Logo",)), DESCRIBED)


def test_a_mask_for_a_field_that_is_not_read_is_an_error():
    with pytest.raises(MaskedFieldMissingError, match="BillingCity"):
        select_fields(spec(fields=("Name",), mask=("BillingCity",)), DESCRIBED)


def test_a_window_reads_from_before_its_start_to_its_end():
    queries = build_queries(spec(), ("Id", "Name"), DESCRIBED, WINDOW)

    assert queries.images == (
        "SELECT Id, Name, SystemModstamp, IsDeleted FROM Account WHERE "
        "SystemModstamp >= 2026-09-02T23:45:00Z AND SystemModstamp < 2026-09-04T00:00:00Z"
    )
    assert queries.leaving is None


def test_the_first_window_is_open_to_the_past():
    window = Window(None, END, margin_s=900)

    queries = build_queries(spec(), ("Id",), DESCRIBED, window)

    assert queries.images.endswith("WHERE SystemModstamp < 2026-09-04T00:00:00Z")


def test_a_condition_also_asks_for_what_no_longer_matches():
    queries = build_queries(spec(where="Name = 'a' OR Name = 'b'"), ("Id",), DESCRIBED, WINDOW)

    assert "WHERE (Name = 'a' OR Name = 'b') AND (SystemModstamp >=" in queries.images
    assert queries.leaving.startswith("SELECT Id, SystemModstamp, IsDeleted FROM Account WHERE ")
    assert "((NOT (Name = 'a' OR Name = 'b')))" in queries.leaving


def test_a_read_of_everything_needs_no_second_query():
    queries = build_queries(spec(where="Name = 'a'"), ("Id",), DESCRIBED, None)

    assert queries.images.endswith("FROM Account WHERE Name = 'a'")
    assert queries.leaving is None


def test_windows_need_a_modstamp():
    described = {name: field for name, field in DESCRIBED.items() if name != "SystemModstamp"}

    with pytest.raises(NoModstampError):
        build_queries(spec(), ("Id",), described, WINDOW)


@pytest.mark.parametrize(
    ("window", "query", "api"),
    [
        (WINDOW, "SELECT Id FROM Account", "rest_first"),
        (None, "SELECT Id FROM Account", "rest_first"),
        (Window(None, END, 900), "SELECT Id FROM Account", "bulk"),
        (Window(START, END, 900, partitions=2), "SELECT Id FROM Account", "bulk"),
        (WINDOW, "SELECT " + "F" * 12_000 + " FROM Account", "bulk"),
    ],
)
def test_the_api_is_chosen_by_what_is_known_before_asking(window, query, api):
    assert choose_api(window, query) == api


@pytest.mark.parametrize(("rows", "stays"), [(0, True), (2_000, True), (2_001, False)])
def test_the_total_decides_whether_rest_goes_on(rows: int, stays: bool):
    assert stay_with_rest(rows) is stays
