"""`--rows`: as many rows as wanted, the same each time, with all that breaks careless software."""

import time
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from emulator.fixtures.base import base_records
from emulator.fixtures.rows import fill
from emulator.ids import ID_MACRO_SQL
from emulator.schema.columns import create_table_sql
from emulator.schema.load import load_schema

NOW = datetime(2026, 9, 20, 12, 0, tzinfo=UTC)
STORED_NOW = NOW.replace(tzinfo=None)
SCHEMA = load_schema()


def empty_org():
    connection = duckdb.connect(":memory:")
    for sobject in SCHEMA.objects.values():
        if sobject.has_rows:
            connection.execute(create_table_sql(sobject))
    connection.execute(ID_MACRO_SQL)
    base_records(connection, SCHEMA, NOW)
    return connection


@pytest.fixture
def org():
    with empty_org() as connection:
        yield connection


@pytest.fixture(scope="module")
def thousand_accounts():
    with empty_org() as connection:
        fill(connection, SCHEMA, "Account", 1_000, NOW)
        yield connection


def value(connection, sql):
    return connection.execute(sql).fetchall()[0][0]


def test_as_many_rows_as_asked_for_are_added(org):
    fill(org, SCHEMA, "Account", 70, NOW)
    fill(org, SCHEMA, "Account", 30, NOW)

    assert value(org, 'SELECT count(DISTINCT "Id") FROM "Account"') == 100


def test_no_rows_are_added_when_none_are_asked_for(org):
    fill(org, SCHEMA, "Lead", 0, NOW)

    assert value(org, 'SELECT count(*) FROM "Lead"') == 0


def test_two_orgs_get_the_same_rows(org):
    rows = 'SELECT * FROM "Contact" ORDER BY "Id"'
    fill(org, SCHEMA, "Contact", 500, NOW)

    with empty_org() as other:
        fill(other, SCHEMA, "Contact", 500, NOW)

        assert org.execute(rows).fetchall() == other.execute(rows).fetchall()


def test_parents_that_rows_cannot_do_without_are_made_first(org):
    fill(org, SCHEMA, "OpportunityLineItem", 50, NOW)

    for parent in ("Opportunity", "Account", "PricebookEntry", "Product2"):
        assert value(org, f'SELECT count(*) FROM "{parent}"') > 0
    assert value(org, 'SELECT count(*) FROM "OpportunityLineItem"') == 50


def test_creation_is_spread_over_the_three_years_before_now(org):
    fill(org, SCHEMA, "Account", 3_000, NOW)

    oldest, newest, months = org.execute(
        'SELECT min("CreatedDate"), max("CreatedDate"), '
        'count(DISTINCT date_trunc(\'month\', "CreatedDate")) FROM "Account"'
    ).fetchall()[0]

    assert STORED_NOW - timedelta(days=3 * 365) <= oldest < STORED_NOW - timedelta(days=3 * 364)
    assert STORED_NOW - timedelta(days=3) < newest <= STORED_NOW
    assert months >= 36


@pytest.mark.parametrize(
    ("what", "where"),
    [
        ("a comma", "contains(\"Name\", ',')"),
        ("a quote", 'contains("Name", \'"\')'),
        ("an apostrophe", "contains(\"Name\", '''')"),
        ("a line break", 'contains("Name", chr(10))'),
        ("Japanese", "regexp_matches(\"Name\", '[一-龯]')"),
        ("Arabic", "regexp_matches(\"Name\", '[ء-ي]')"),
        ("a word that looks like null", "\"Name\" IN ('NULL', 'N/A', 'nan')"),
        ("a number with leading zeros", "\"Name\" = '007'"),
        ("no industry", '"Industry" IS NULL'),
        ("a street of two lines", 'contains("BillingStreet", chr(10))'),
    ],
)
def test_among_a_thousand_accounts_there_is_one_with(thousand_accounts, what, where):
    assert value(thousand_accounts, f'SELECT count(*) FROM "Account" WHERE {where}') > 0, what


def test_objects_that_a_user_declared_get_rows_as_well(org, tmp_path):
    file = tmp_path / "schema.yaml"
    file.write_text(
        "objects:\n"
        "  Shipment__c:\n"
        '    name: {numberFormat: "SH-{0000}"}\n'
        "    fields:\n"
        "      Account__c: {type: reference, to: Account, required: true}\n"
        "      Weight__c: {type: double, precision: 5, scale: 2, required: true}\n"
        "      State__c: {type: picklist, values: [Packed, Sent], restricted: true}\n"
        "      At__c: {type: time}\n"
    )
    schema = load_schema(file)
    org.execute(create_table_sql(schema.objects["Shipment__c"]))

    fill(org, schema, "Shipment__c", 200, NOW)

    assert value(org, 'SELECT count(DISTINCT "Name") FROM "Shipment__c"') == 200
    assert (
        value(
            org, 'SELECT count(*) FROM "Shipment__c" s JOIN "Account" a ON a."Id" = s."Account__c"'
        )
        == 200
    )
    assert value(org, 'SELECT count(*) FROM "Shipment__c" WHERE "Weight__c" IS NULL') == 0


@pytest.mark.slow
def test_a_hundred_thousand_accounts_take_less_than_a_second_of_cpu(org):
    fill(org, SCHEMA, "Account", 1_000, NOW)  # DuckDB warms up
    start_s = time.process_time()  # of all threads; what else runs on the machine doesn't count

    fill(org, SCHEMA, "Account", 300_000, NOW)

    assert time.process_time() - start_s < 3
