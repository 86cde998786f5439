"""The shape of REST records and the formats of their values."""

import json
from datetime import date, datetime, time
from decimal import Decimal

import pytest

from emulator.ids import make_id

A1, C1 = make_id("001", 1), make_id("003", 1)
BASE = "/services/data/v66.0/sobjects"


def _attributes(sobject, record_id):
    return {"type": sobject, "url": f"{BASE}/{sobject}/{record_id}"}


def test_attributes_come_first_and_keys_in_the_order_of_the_select(soql):
    (record,) = soql.records("SELECT Name, Id, Industry FROM Account WHERE Name = 'Acme'")

    assert list(record) == ["attributes", "Name", "Id", "Industry"]
    assert record["attributes"] == _attributes("Account", A1)


def test_an_unselected_id_is_not_added(soql):
    (record,) = soql.records("SELECT Name FROM Account WHERE Name = 'Acme'")

    assert record == {"attributes": _attributes("Account", A1), "Name": "Acme"}


FORMATS = [
    ("Account", "CreatedDate", datetime(2026, 5, 1, 7, 25, 37), "2026-05-01T07:25:37.000+0000"),
    ("Account", "CreatedDate", datetime(1700, 1, 1), "1700-01-01T00:00:00.000+0000"),
    ("Account", "LastActivityDate", date(2017, 10, 15), "2017-10-15"),
    ("Account", "AnnualRevenue", Decimal(300), 300.0),
    ("Account", "AnnualRevenue", Decimal(950_000_000), 950_000_000.0),
    ("Account", "NumberOfEmployees", 300, 300),
    ("Account", "IsDeleted", True, True),
    ("Account", "Name", 'quote " comma, \nline Ünïcödé 漢字', 'quote " comma, \nline Ünïcödé 漢字'),
    ("Account", "Name", None, None),
    ("Account", "BillingLatitude", Decimal("52.520008"), 52.520008),
    ("Order__c", "Tags__c", "a;b", "a;b"),
    ("Order__c", "Amount__c", Decimal("0.10"), 0.1),
]


@pytest.mark.parametrize(("sobject", "field", "stored", "answered"), FORMATS)
def test_a_value_is_written_as_in_recorded_answers(bare_org, sobject, field, stored, answered):
    bare_org.insert(sobject, Id=make_id("001", 1), **{field: stored})

    (value,) = bare_org.values(f"SELECT {field} FROM {sobject}")

    assert json.dumps(value) == json.dumps(answered)


def test_a_number_with_decimals_is_dumped_with_a_fraction_and_an_integer_without(soql):
    (record,) = soql.records(
        "SELECT AnnualRevenue, NumberOfEmployees FROM Account WHERE Name = 'Acme'"
    )

    assert json.dumps(record).endswith('"AnnualRevenue": 300.0, "NumberOfEmployees": 10}')


def test_a_time_has_milliseconds_and_z(schema, bare_org):
    from emulator.soql.fragments import Sql
    from emulator.soql.value_formats import csv_value, json_value

    at = Sql("?", (time(10, 0),))
    for sql in (json_value("time", at), csv_value("time", at)):
        row = bare_org.connection.execute(f"SELECT {sql.text}", list(sql.params)).fetchone()
        assert row == ("10:00:00.000Z",)


def test_a_parent_is_a_nested_object_with_attributes_of_its_own(soql):
    (record,) = soql.records(
        "SELECT Id, Account.Name, LastName, Account.Owner.Name, Account.Industry FROM Contact "
        "WHERE LastName = 'Bee'"
    )

    owner = {"attributes": _attributes("User", make_id("005", 1)), "Name": "Ada Vane"}
    account = {
        "attributes": _attributes("Account", A1),
        "Name": "Acme",
        "Owner": owner,
        "Industry": "Energy",
    }
    assert record == {
        "attributes": _attributes("Contact", C1),
        "Id": C1,
        "Account": account,
        "LastName": "Bee",
    }
    assert list(record) == ["attributes", "Id", "Account", "LastName"]


def test_a_parent_that_is_not_there_is_null_at_the_level_where_it_ends(soql):
    (cee,) = soql.records(
        "SELECT Account.Name, Account.Parent.Name FROM Contact WHERE LastName = 'Cee'"
    )
    (dee,) = soql.records("SELECT Account.Parent.Owner.Name FROM Contact WHERE LastName = 'Dee'")

    assert cee["Account"] is None
    assert dee["Account"] == {"attributes": _attributes("Account", A1), "Parent": None}


def test_a_polymorphic_parent_shows_its_real_type(soql):
    call, mail = soql.records(
        "SELECT Who.Name, Who.Type, What.Name, What.Type FROM Task ORDER BY Subject"
    )

    assert call["Who"] == {
        "attributes": _attributes("Contact", C1),
        "Name": "Ann Bee",
        "Type": "Contact",
    }
    assert call["What"]["attributes"] == _attributes("Account", A1)
    assert call["What"]["Name"] == "Acme"
    assert mail["Who"] is None
    assert mail["What"] is None


def test_an_owner_is_a_user_or_a_queue(soql):
    queue, user = soql.records("SELECT Owner.Name, Owner.Type FROM Case ORDER BY CaseNumber")

    assert queue["Owner"]["attributes"]["type"] == queue["Owner"]["Type"] == "Group"
    assert queue["Owner"]["Name"] == "Night shift"
    assert user["Owner"]["Type"] == "User"
    assert soql.values("SELECT CaseNumber FROM Case WHERE Owner.Type = 'Group'") == ["00001"]


def test_a_parent_without_a_name_field_called_name_is_named_by_its_own(bare_org):
    case = bare_org.insert("Case", Id=make_id("500", 1), CaseNumber="00017")
    bare_org.insert("Task", Id=make_id("00T", 1), WhatId=case)

    (record,) = bare_org.records("SELECT What.Name FROM Task")

    assert record["What"]["Name"] == "00017"


def test_an_address_is_an_object_of_its_parts(soql):
    (acme,) = soql.values("SELECT BillingAddress FROM Account WHERE Name = 'Acme'")

    assert acme == {
        "city": "Berlin",
        "country": None,
        "geocodeAccuracy": None,
        "latitude": 52.5,
        "longitude": None,
        "postalCode": None,
        "state": None,
        "street": None,
    }


def test_an_address_without_any_part_is_null(soql):
    assert soql.values("SELECT BillingAddress FROM Account WHERE Name = 'beta'") == [None]


def test_a_leads_address_has_the_same_keys(bare_org):
    bare_org.insert("Lead", Id=make_id("00Q", 1), Street="Main 1", PostalCode="0815")

    (address,) = bare_org.values("SELECT Address FROM Lead")

    assert (address["street"], address["postalCode"]) == ("Main 1", "0815")


def test_the_parts_of_a_parents_address_can_be_selected_too(soql):
    (record,) = soql.records("SELECT Account.BillingAddress FROM Contact WHERE LastName = 'Bee'")

    assert record["Account"]["BillingAddress"]["city"] == "Berlin"


def test_a_contacts_name_is_put_together(soql):
    names = soql.values("SELECT Name FROM Contact ORDER BY LastName")

    assert names == ["Ann Bee", "Cee", "Dee", "Eff"]


def test_a_formula_without_text_is_null_also_through_a_parent(bare_org):
    bare_org.insert("Contact", Id=make_id("003", 1))
    bare_org.insert("Case", Id=make_id("500", 1), ContactId=make_id("003", 1))
    bare_org.insert("Case", Id=make_id("500", 2))

    assert bare_org.values("SELECT Name FROM Contact WHERE Name = null") == [None]
    assert len(bare_org.values("SELECT Id FROM Case WHERE Contact.Name = null")) == 2


def test_a_formula_is_computed_once_for_each_time_it_is_selected(soql):
    fields = soql.schema.objects["CampaignMember"].fields

    sql = soql.compile(f"SELECT {', '.join(fields)} FROM CampaignMember").sql

    # Around a formula a nullif() makes two copies of its subqueries: planning took 1.6 s.
    plan = soql.connection.execute(f"EXPLAIN {sql}").fetchall()[0][1]
    assert 0 < plan.count("Join") <= 5 * sql.count("(SELECT")


def test_a_formula_of_a_parent_that_is_not_there_is_null(bare_org):
    bare_org.insert("Order__c", Id=make_id("a00", 1))
    bare_org.insert("Task", Id=make_id("00T", 1))
    bare_org.insert("Opportunity", Id=make_id("006", 1), CampaignId=None)

    assert bare_org.total("SELECT COUNT() FROM Opportunity WHERE Campaign.NumberOfLeads = 0") == 0


def test_a_base64_field_is_the_path_to_its_content(soql):
    assert soql.values("SELECT Body FROM Attachment") == [
        f"{BASE}/Attachment/{make_id('00P', 1)}/Body"
    ]


def test_limit_and_offset_cut_the_rows_and_cap_the_total(soql):
    query = "SELECT Name FROM Account ORDER BY Name"

    assert soql.values(f"{query} LIMIT 2") == ["Acme", "beta"]
    assert soql.values(f"{query} LIMIT 2 OFFSET 1") == ["beta", "delta_x"]
    assert soql.values(f"{query} OFFSET 3") == ["Gamma 100%"]
    assert soql.values(f"{query} LIMIT 0") == []
    assert soql.total(query) == 4
    assert soql.total(f"{query} LIMIT 3") == 3
    assert soql.total("SELECT Name, Owner.Name FROM Account WHERE Parent.Name = 'Acme'") == 1


def test_count_puts_its_number_into_the_total_and_has_no_records(soql):
    compiled = soql.compile("SELECT COUNT() FROM Account WHERE Industry = 'Energy'")

    assert compiled.kind == "count"
    assert soql.total("SELECT COUNT() FROM Account WHERE Industry = 'Energy'") == 2
    assert soql.total("SELECT COUNT() FROM Account LIMIT 3") == 3
    assert soql.records("SELECT COUNT() FROM Account") == []


def test_for_view_changes_nothing_in_the_answer(soql):
    assert soql.records("SELECT Id FROM Account FOR VIEW") == soql.records("SELECT Id FROM Account")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT Name, Parent.Name, Owner.Name FROM Account ORDER BY Name DESC LIMIT 3 OFFSET 1",
        "SELECT Name, (SELECT LastName FROM Contacts WHERE LastName != 'Cee') FROM Account "
        "WHERE Industry = 'Energy' ORDER BY AnnualRevenue",
        "SELECT Subject, Who.Name, What.Type FROM Task WHERE Subject LIKE 'C%' ORDER BY Id",
        "SELECT Name, Account.BillingAddress FROM Contact ORDER BY Account.Name, Id",
    ],
)
def test_a_page_of_ids_holds_the_records_of_the_query_in_its_order(soql, statement):
    assert soql.by_ids(statement) == soql.records(statement)
