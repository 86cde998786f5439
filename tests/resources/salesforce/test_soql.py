"""SOQL is written so that no value can end its quotes and no name can be anything else."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.salesforce import soql
from resources.salesforce.errors import SoqlError

UNESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "'": "'", '"': '"', "\\": "\\"}


def read_string(text: str) -> str:
    """What Salesforce makes of a quoted string, by the reference's list of escapes."""
    assert text[0] == text[-1] == "'"
    found, rest = "", text[1:-1]
    while rest:
        if rest[0] != "\\":
            assert rest[0] != "'", "the quotes end too early"
            found, rest = found + rest[0], rest[1:]
        elif rest[1] == "u":
            found, rest = found + chr(int(rest[2:6], 16)), rest[6:]
        else:
            found, rest = found + UNESCAPED[rest[1]], rest[2:]
    return found


@given(st.text(max_size=200))
def test_any_text_survives_quoting(text):
    assert read_string(soql.string(text)) == text


def test_quotes_are_escaped_by_a_backslash_and_never_doubled():
    assert soql.string("O'Hara \\ Sons") == r"'O\'Hara \\ Sons'"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "null"),
        (True, "TRUE"),
        (False, "FALSE"),
        (7, "7"),
        (-0.5, "-0.5"),
        (1e21, "1000000000000000000000"),
        (1e-7, "0.0000001"),
        (Decimal("12.340"), "12.340"),
        (date(2026, 1, 31), "2026-01-31"),
        (datetime(2026, 1, 31, 7, 8, 9, tzinfo=UTC), "2026-01-31T07:08:09Z"),
        (datetime(2026, 1, 31, 7, 8, 9, 120000, tzinfo=UTC), "2026-01-31T07:08:09.120Z"),
        (
            datetime(2026, 1, 31, 1, tzinfo=timezone(timedelta(hours=2))),
            "2026-01-30T23:00:00Z",
        ),
        ("2026", "'2026'"),
    ],
)
def test_values_are_written_as_salesforce_wants_them(value, written):
    assert soql.literal(value) == written


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        datetime(2026, 1, 1),
        datetime(2026, 1, 1, microsecond=1, tzinfo=UTC),
        date(1699, 12, 31),
        date(4001, 1, 1),
        "x" * 4001,
    ],
)
def test_values_that_salesforce_would_misread_are_refused(value):
    with pytest.raises(SoqlError):
        soql.literal(value)


@pytest.mark.parametrize("bad", ["", "Na me", "Name;", "1st", "a'", "Id FROM User", "a.", "Ä"])
def test_what_cannot_be_a_name_is_refused(bad):
    with pytest.raises(SoqlError):
        soql.select("Account", [bad])


def test_paths_to_parents_are_names():
    assert soql.select("Contact", ["Account.Owner.Name"]) == (
        "SELECT Account.Owner.Name FROM Contact"
    )


def test_a_statement_is_put_together_in_clause_order():
    statement = soql.select(
        "Account", ["Id", "Name"], where="Name != null", order_by=["Name", "Id"], limit=5
    )

    assert statement == (
        "SELECT Id, Name FROM Account WHERE Name != null ORDER BY Name, Id LIMIT 5"
    )


@pytest.mark.parametrize("fields", [[], ["Id", "Name", "id"]])
def test_no_field_or_one_twice_is_refused_before_salesforce_does(fields):
    with pytest.raises(SoqlError):
        soql.select("Account", fields)


def test_a_statement_longer_than_salesforce_takes_is_refused():
    with pytest.raises(SoqlError, match="100,000"):
        soql.select("Account", [f"Field_{n:04}__c" for n in range(8000)])


def test_a_window_includes_its_start_and_excludes_its_end():
    start = datetime(2026, 1, 1, tzinfo=UTC)

    assert soql.window("SystemModstamp", start, start + timedelta(days=1)) == (
        "SystemModstamp >= 2026-01-01T00:00:00Z AND SystemModstamp < 2026-01-02T00:00:00Z"
    )
    assert soql.window("SystemModstamp", None, start) == "SystemModstamp < 2026-01-01T00:00:00Z"
    assert soql.window("SystemModstamp", None, None) == ""


def test_conditions_are_joined_in_parentheses_because_soql_refuses_and_beside_or():
    assert soql.all_of("A = 1 OR B = 2", "", "C = 3") == "(A = 1 OR B = 2) AND (C = 3)"
    assert soql.all_of("A = 1 OR B = 2") == "A = 1 OR B = 2"
    assert soql.negated("A = 1 OR B = 2") == "(NOT (A = 1 OR B = 2))"


def test_a_comparison_takes_known_operators_only():
    assert soql.compare("Amount", ">=", Decimal("1.5")) == "Amount >= 1.5"
    with pytest.raises(SoqlError):
        soql.compare("Amount", "LIKE '%' OR Name !=", 1)


def test_an_empty_list_is_refused():
    with pytest.raises(SoqlError):
        soql.in_list("Id", [])


@given(ids=st.integers(0, 2000), longest=st.integers(300, 4000))
def test_chunks_hold_every_id_once_and_fit_the_url(ids, longest):
    wanted = [f"001{n:012d}AAA" for n in range(ids)]

    chunks = list(soql.queries_by_id("Account", ["Id", "Name"], wanted, longest))

    assert [one for _, chunk in chunks for one in chunk] == wanted
    assert all(len(quote(statement, safe="")) <= longest for statement, _ in chunks)


def test_fields_that_fill_a_url_alone_are_refused_with_numbers():
    with pytest.raises(SoqlError, match="1,000 fields of Account take"):
        list(soql.queries_by_id("Account", [f"F{n}__c" for n in range(1000)], ["001"], 5000))
