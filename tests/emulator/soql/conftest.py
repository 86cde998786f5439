"""A small org in memory: tables made from the schema, a few rows that the cases are about."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import duckdb
import pytest

from emulator.ids import make_id
from emulator.schema.columns import duckdb_type
from emulator.schema.load import load_schema
from emulator.schema.model import Schema
from emulator.soql import (
    BulkQuery,
    CompiledQuery,
    QueryContext,
    SoqlError,
    compile_bulk,
    compile_query,
    parse,
)

BASE_PATH = "/services/data/v66.0"


@dataclass(frozen=True)
class Refusal:
    """A refused statement: the code, the reason, and the character that the caret is under."""

    code: str
    reason: str
    column: int | None


@dataclass(frozen=True)
class SoqlOrg:
    """Tables, and the ways to ask them."""

    connection: duckdb.DuckDBPyConnection
    schema: Schema
    context: QueryContext

    def with_context(self, **changes):
        return replace(self, context=replace(self.context, **changes))

    def compile(self, soql: str) -> CompiledQuery:
        return compile_query(parse(soql), self.schema, self.context)

    def compile_bulk(self, soql: str) -> BulkQuery:
        return compile_bulk(parse(soql), self.schema, self.context)

    def records(self, soql: str) -> list[dict]:
        compiled = self.compile(soql)
        rows = self.connection.execute(compiled.sql, compiled.params).fetchall()
        return compiled.records(rows, BASE_PATH)

    def values(self, soql: str) -> list:
        """The records without their attributes; bare values where there is one key."""
        return [_plain(record) for record in self.records(soql)]

    def total(self, soql: str) -> int:
        """The number of rows found, as pages count them; of COUNT() its number."""
        compiled = self.compile(soql)
        rows = self.connection.execute(compiled.sql, compiled.params).fetchall()
        if compiled.kind == "count":
            return rows[0][0]
        if compiled.kind == "aggregate":
            return len(rows)
        found = self.connection.execute(compiled.ids.text, list(compiled.ids.params)).fetchall()
        return len(found)

    def by_ids(self, soql: str) -> list[dict]:
        """The records as a page reads them: their Ids first, then the rows of these Ids."""
        compiled = self.compile(soql)
        found = self.connection.execute(compiled.ids.text, list(compiled.ids.params)).fetchall()
        page = compiled.page([row[0] for row in found])
        rows = self.connection.execute(page.text, list(page.params)).fetchall()
        return compiled.records(rows, BASE_PATH)

    def accounts(self, where: str) -> set[str]:
        return set(self.values(f"SELECT Name FROM Account WHERE {where}"))

    def bulk(self, soql: str) -> list[tuple[str, ...]]:
        compiled = self.compile_bulk(soql)
        return self.connection.execute(compiled.sql, compiled.params).fetchall()

    def refusal(self, soql: str, *, bulk: bool = False) -> Refusal:
        with pytest.raises(SoqlError) as caught:
            self.compile_bulk(soql) if bulk else self.compile(soql)
        lines = caught.value.message.splitlines()
        column = re.fullmatch(r"ERROR at Row:1:Column:(\d+)", lines[-2]) if lines[1:] else None
        return Refusal(caught.value.error_code, lines[-1], column and int(column[1]))

    def insert(self, sobject: str, **values) -> str:
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join("?" * len(values))
        statement = f'INSERT INTO "{sobject}" ({names}) VALUES ({marks})'
        self.connection.execute(statement, list(values.values()))
        return values["Id"]


def _plain(record: dict):
    fields = {key: value for key, value in record.items() if key != "attributes"}
    return next(iter(fields.values())) if len(fields) == 1 else fields


@pytest.fixture(scope="session")
def schema() -> Schema:
    return load_schema()


def empty_org(schema: Schema) -> SoqlOrg:
    connection = duckdb.connect()
    for sobject in schema.objects.values():
        if sobject.has_rows:
            columns = [f'"{f.name}" {duckdb_type(f)}' for f in sobject.stored_fields]
            columns.append("_deleted BOOLEAN DEFAULT FALSE")
            connection.execute(f'CREATE TABLE "{sobject.name}" ({", ".join(columns)})')
    context = QueryContext(
        now=datetime(2026, 5, 15, 12, tzinfo=UTC),
        time_zone=ZoneInfo("America/Los_Angeles"),
        include_deleted=False,
        api_version=66.0,
        user_id=make_id("005", 1),
    )
    return SoqlOrg(connection, schema, context)


@pytest.fixture
def bare_org(schema):
    """Tables without rows, for the test alone."""
    org = empty_org(schema)
    yield org
    org.connection.close()


@pytest.fixture(scope="session")
def soql(schema):
    """The org that tests read and don't change."""
    org = empty_org(schema)
    _fill(org)
    yield org
    org.connection.close()


def _fill(org: SoqlOrg) -> None:
    ada = org.insert("User", Id=make_id("005", 1), FirstName="Ada", LastName="Vane", IsActive=True)
    bob = org.insert("User", Id=make_id("005", 2), LastName="Bolt", IsActive=False, ManagerId=ada)
    queue = org.insert("Group", Id=make_id("00G", 1), Name="Night shift", Type="Queue")
    acme = _account(
        org,
        1,
        Name="Acme",
        Industry="Energy",
        Rating="Hot",
        AnnualRevenue=Decimal(300),
        NumberOfEmployees=10,
        CreatedDate=datetime(2026, 5, 15, 1),
        OwnerId=ada,
        BillingCity="Berlin",
        BillingLatitude=Decimal("52.5"),
    )
    beta = _account(
        org,
        2,
        Name="beta",
        Rating="Cold",
        CreatedDate=datetime(2026, 5, 15, 8),
        OwnerId=bob,
        ParentId=acme,
    )
    _account(
        org,
        3,
        Name="Gamma 100%",
        Industry="Energy",
        AnnualRevenue=Decimal(1000),
        NumberOfEmployees=20,
        CreatedDate=datetime(2025, 12, 31, 23, 30),
        OwnerId=ada,
        ParentId=beta,
    )
    _account(
        org,
        4,
        Name="delta_x",
        Industry="Apparel",
        Rating="Warm",
        AnnualRevenue=Decimal(-5),
        NumberOfEmployees=0,
        CreatedDate=datetime(2024, 2, 29, 12),
        OwnerId=bob,
    )
    _account(org, 5, Name="Zombie", IsDeleted=True, _deleted=True, OwnerId=ada)
    ann = _contact(org, 1, FirstName="Ann", LastName="Bee", AccountId=acme, Email="ann@bee.test")
    _contact(org, 2, LastName="Cee")
    _contact(org, 3, LastName="Dee", AccountId=acme, Birthdate=date(1990, 1, 31))
    _contact(org, 4, LastName="Eff", AccountId=beta)
    _contact(org, 5, LastName="Gone", AccountId=beta, IsDeleted=True, _deleted=True)
    _order(org, 1, Account__c=acme, Tags__c="Gift;Express", Amount__c=Decimal("10.5"))
    _order(org, 2, Account__c=acme, Tags__c="Express;Export")
    _order(org, 3, Tags__c=None, Amount__c=Decimal("0.1"))
    org.insert("Task", Id=make_id("00T", 1), WhoId=ann, WhatId=acme, OwnerId=ada, Subject="Call")
    org.insert("Task", Id=make_id("00T", 2), OwnerId=bob, Subject="Mail")
    org.insert("Case", Id=make_id("500", 1), OwnerId=queue, ContactId=ann, CaseNumber="00001")
    org.insert("Case", Id=make_id("500", 2), OwnerId=ada, CaseNumber="00002")
    org.insert("Attachment", Id=make_id("00P", 1), Name="a.txt", Body="aGk=", ParentId=acme)


def _account(org: SoqlOrg, number: int, **values) -> str:
    return org.insert("Account", **{"Id": make_id("001", number), "IsDeleted": False, **values})


def _contact(org: SoqlOrg, number: int, **values) -> str:
    return org.insert("Contact", **{"Id": make_id("003", number), "IsDeleted": False, **values})


def _order(org: SoqlOrg, number: int, **values) -> str:
    name = f"ORD-{number}"
    return org.insert("Order__c", Id=make_id("a00", number), Name=name, IsDeleted=False, **values)
