"""The text of Bulk 2.0 result files, and what Bulk refuses."""

import csv
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest

from emulator.ids import make_id
from emulator.schema.model import Schema
from emulator.soql import parse
from emulator.soql.bulk import compile_bulk

A1 = make_id("001", 1)


def test_rows_are_text_in_select_order_under_schema_names(soql):
    query = "SELECT name, ID, account.owner.name FROM contact WHERE lastname = 'Bee'"

    assert soql.compile_bulk(query).header == ["Name", "Id", "Account.Owner.Name"]
    assert soql.bulk(query) == [("Ann Bee", make_id("003", 1), "Ada Vane")]


FORMATS = [
    ("CreatedDate", datetime(2024, 9, 9, 13, 8, 34), "2024-09-09T13:08:34.000Z"),
    ("LastActivityDate", date(2024, 9, 9), "2024-09-09"),
    ("IsDeleted", True, "true"),
    ("IsDeleted", False, "false"),
    ("AnnualRevenue", Decimal(300), "300.0"),
    ("AnnualRevenue", Decimal(0), "0.0"),
    ("AnnualRevenue", Decimal(-950_000_000), "-950000000.0"),
    ("BillingLatitude", Decimal("52.520008"), "52.520008"),
    ("NumberOfEmployees", 300, "300"),
    ("Name", 'a "b", c\nd', 'a "b", c\nd'),
    ("Name", None, ""),
    ("AnnualRevenue", None, ""),
    ("CreatedDate", None, ""),
]


@pytest.mark.parametrize(("field", "stored", "text"), FORMATS)
def test_a_value_is_written_as_bulk_writes_it(bare_org, field, stored, text):
    bare_org.insert("Account", Id=A1, **{field: stored})

    assert bare_org.bulk(f"SELECT {field} FROM Account") == [(text,)]


def test_what_a_missing_parent_would_hold_is_empty(soql):
    row = soql.bulk(
        "SELECT Account.Name, Account.IsDeleted, Account.CreatedDate FROM Contact "
        "WHERE LastName = 'Cee'"
    )

    assert row == [("", "", "")]


def test_filters_order_and_limit_work(soql):
    rows = soql.bulk("SELECT Name FROM Account WHERE Industry != 'x' ORDER BY Name DESC LIMIT 2")

    assert rows == [("Gamma 100%",), ("delta_x",)]


def test_query_all_sees_the_recycle_bin(soql):
    everything = soql.with_context(include_deleted=True)

    assert len(soql.bulk("SELECT Id FROM Account")) == 4
    assert ("Zombie", "true") in everything.bulk("SELECT Name, IsDeleted FROM Account")


def test_before_version_50_columns_came_in_alphabetical_order(soql):
    query = "SELECT Name, Id, Industry FROM Account"

    assert soql.with_context(api_version=49.0).compile_bulk(query).header == [
        "Id",
        "Industry",
        "Name",
    ]
    assert soql.with_context(api_version=50.0).compile_bulk(query).header == [
        "Name",
        "Id",
        "Industry",
    ]


def test_duckdb_can_write_the_file_itself(soql, tmp_path):
    compiled = soql.compile_bulk(
        "SELECT Id, Name, AnnualRevenue FROM Account WHERE Name = 'Acme' OR Industry = null"
    )
    page = tmp_path / "page.csv"

    soql.connection.execute(
        f"COPY ({compiled.sql}) TO '{page}' (FORMAT csv, HEADER, FORCE_QUOTE *)", compiled.params
    )

    rows = list(csv.reader(page.read_text("utf-8").splitlines()))
    assert rows[0] == compiled.header
    assert sorted(rows[1:]) == [[A1, "Acme", "300.0"], [make_id("001", 2), "beta", ""]]


def test_fields_standard_leaves_out_what_bulk_cannot_return(soql):
    header = soql.compile_bulk("SELECT FIELDS(STANDARD) FROM Account").header

    assert "BillingCity" in header
    assert "BillingAddress" not in header
    assert "Body" not in soql.compile_bulk("SELECT FIELDS(STANDARD) FROM Attachment").header


REFUSED = [
    ("SELECT COUNT() FROM Account", "FEATURENOTENABLED",
     "Aggregate functions not supported in Bulk Query"),
    ("SELECT MAX(Name) FROM Account", "FEATURENOTENABLED",
     "Aggregate functions not supported in Bulk Query"),
    ("SELECT CALENDAR_YEAR(CreatedDate) FROM Account GROUP BY CALENDAR_YEAR(CreatedDate)",
     "FEATURENOTENABLED", "Functions not supported in Bulk Query"),
    ("SELECT Name FROM Account GROUP BY Name", "FEATURENOTENABLED",
     "GROUP BY not supported in Bulk Query"),
    ("SELECT Name FROM Account OFFSET 1", "FEATURENOTENABLED",
     "OFFSET not supported in Bulk Query"),
    ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "FEATURENOTENABLED",
     "Aggregate Relationships not supported in Bulk Query"),
    ("SELECT Id, BillingAddress FROM Account", "FEATURENOTENABLED",
     "Selecting compound data not supported in Bulk Query"),
    ("SELECT Id, Account.BillingAddress FROM Contact", "FEATURENOTENABLED",
     "Selecting compound data not supported in Bulk Query"),
    ("SELECT Id, Body FROM Attachment", "FEATURENOTENABLED",
     "Binary field Body not supported in Bulk Query"),
    ("SELECT FIELDS(ALL) FROM Account LIMIT 200", "FEATURENOTENABLED",
     "FIELDS(ALL) not supported in Bulk Query"),
    ("SELECT Id, id FROM Account", "INVALID_FIELD", "duplicate field selected: Id"),
    ("SELECT Id FROM Order_Event__e", "INVALIDENTITY",
     "Entity 'Order_Event__e' is not supported by the Bulk API."),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "code", "reason"), REFUSED)
def test_what_bulk_does_not_support_is_refused(soql, statement, code, reason):
    refusal = soql.refusal(statement, bulk=True)

    assert (refusal.code, refusal.reason) == (code, reason)


def test_an_object_that_only_rest_can_query_is_refused(soql):
    stage = replace(soql.schema.objects["OpportunityStage"], name="TaskStatus")
    org = replace(soql, schema=Schema({**soql.schema.objects, "TaskStatus": stage}))

    refusal = org.refusal("SELECT Id FROM taskstatus", bulk=True)

    assert refusal.code == "INVALIDENTITY"
    assert refusal.reason == "Entity 'TaskStatus' is not supported by the Bulk API."
    assert org.compile("SELECT Id FROM TaskStatus").object is stage


def test_a_field_that_is_not_there_is_refused_as_by_rest(soql):
    statement = "SELECT Id, Foo FROM Account"

    assert soql.refusal(statement, bulk=True) == soql.refusal(statement)


def test_rest_and_bulk_write_the_same_numbers(bare_org):
    numbers = ["0.01", "1234567890123456.78", "-0.1", "999999999.99", "100", "0.00"]
    for index, number in enumerate(numbers):
        bare_org.insert("Order__c", Id=make_id("a00", index), Amount__c=Decimal(number))

    query = "SELECT Amount__c FROM Order__c ORDER BY Id"
    assert [repr(value) for value in bare_org.values(query)] == [
        text for (text,) in bare_org.bulk(query)
    ]


def test_the_columns_are_plain_expressions_of_the_row(soql):
    compiled = compile_bulk(
        parse("SELECT Id, Name, CreatedDate FROM Account"), soql.schema, soql.context
    )

    assert compiled.object == "Account"
    assert compiled.sql == (
        """SELECT coalesce(t0."Id", '') AS "Id", coalesce(t0."Name", '') AS "Name", """
        """coalesce(strftime(t0."CreatedDate", '%Y-%m-%dT%H:%M:%S.%gZ'), '') AS "CreatedDate" """
        """FROM "Account" t0 WHERE NOT t0._deleted"""
    )
