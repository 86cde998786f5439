"""Subqueries for children, and semi-joins."""

import pytest

from emulator.ids import make_id


def _children(soql, subquery, name="Acme"):
    (record,) = soql.records(f"SELECT Id, ({subquery}) FROM Account WHERE Name = '{name}'")
    *_, found = record.values()
    return found


def test_children_are_a_result_of_their_own(soql):
    contacts = _children(soql, "SELECT Id, LastName FROM Contacts ORDER BY LastName")

    assert contacts["totalSize"] == 2
    assert contacts["done"] is True
    assert [record["LastName"] for record in contacts["records"]] == ["Bee", "Dee"]
    first = make_id("003", 1)
    assert contacts["records"][0] == {
        "attributes": {
            "type": "Contact",
            "url": f"/services/data/v66.0/sobjects/Contact/{first}",
        },
        "Id": first,
        "LastName": "Bee",
    }


def test_no_children_are_null_and_not_an_empty_result(soql):
    assert _children(soql, "SELECT Id FROM Contacts", "delta_x") is None
    assert _children(soql, "SELECT Id FROM Contacts WHERE LastName = 'nobody'") is None


def test_the_key_is_the_relationships_name(soql):
    (record,) = soql.records("SELECT (SELECT Id FROM contacts) FROM Account WHERE Name = 'Acme'")

    assert list(record) == ["attributes", "Contacts"]


CHILDREN = [
    ("SELECT LastName FROM Contacts WHERE LastName LIKE 'D%'", ["Dee"]),
    ("SELECT LastName FROM Contacts ORDER BY LastName DESC", ["Dee", "Bee"]),
    ("SELECT LastName FROM Contacts ORDER BY LastName LIMIT 1", ["Bee"]),
    ("SELECT LastName FROM Contacts ORDER BY LastName DESC LIMIT 1", ["Dee"]),
    ("SELECT LastName FROM Contacts ORDER BY FirstName, LastName", ["Dee", "Bee"]),
    ("SELECT LastName FROM Contacts WHERE NOT FirstName = 'Ann'", ["Dee"]),
    ("SELECT LastName FROM Account.Contacts WHERE LastName = 'Dee'", ["Dee"]),
    ("SELECT c.LastName FROM Contacts c WHERE c.LastName = 'Dee'", ["Dee"]),
    ("SELECT Contact.LastName FROM Contacts WHERE Contact.LastName = 'Dee'", ["Dee"]),
    ("SELECT LastName FROM Contacts WHERE Account.Owner.Name = 'Ada Vane' LIMIT 5",
     ["Bee", "Dee"]),
]  # fmt: skip


@pytest.mark.parametrize(("subquery", "names"), CHILDREN)
def test_a_subquery_has_clauses_of_its_own(soql, subquery, names):
    found = [record["LastName"] for record in _children(soql, subquery)["records"]]

    assert found == names or (set(found) == set(names) and "ORDER" not in subquery)


def test_deleted_children_are_left_out_but_by_query_all(soql):
    subquery = "SELECT LastName FROM Contacts ORDER BY LastName"

    assert _children(soql, subquery, "beta")["totalSize"] == 1
    assert _children(soql.with_context(include_deleted=True), subquery, "beta")["totalSize"] == 2


def test_children_bring_their_parents_and_their_values_formatted(soql):
    children = _children(
        soql,
        "SELECT Birthdate, Account.Name, MailingAddress FROM Contacts WHERE LastName = 'Dee'",
    )

    (dee,) = children["records"]
    assert dee["Birthdate"] == "1990-01-31"
    assert dee["Account"]["Name"] == "Acme"
    assert dee["MailingAddress"] is None


def test_children_through_a_polymorphic_reference_are_those_of_the_row(soql):
    tasks = _children(soql, "SELECT Subject, Who.Name FROM Tasks")

    assert [task["Subject"] for task in tasks["records"]] == ["Call"]
    assert tasks["records"][0]["Who"]["Name"] == "Ann Bee"
    assert _children(soql, "SELECT Id FROM Tasks", "beta") is None


def test_each_limit_counts_for_each_parent(soql):
    rows = soql.records(
        "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName LIMIT 1) "
        "FROM Account ORDER BY Name LIMIT 2"
    )

    found = [row["Contacts"]["records"][0]["LastName"] for row in rows]
    assert found == ["Bee", "Eff"]


def test_several_subqueries_and_their_parameters_keep_their_places(soql):
    (row,) = soql.records(
        "SELECT Name, (SELECT LastName FROM Contacts WHERE LastName = 'Dee'), "
        "(SELECT Name FROM Orders__r WHERE Amount__c = 10.5), "
        "(SELECT Subject FROM Tasks WHERE Subject = 'Call') FROM Account WHERE Name = 'Acme'"
    )

    assert row["Contacts"]["records"][0]["LastName"] == "Dee"
    assert row["Orders__r"]["records"][0]["Name"] == "ORD-1"
    assert row["Tasks"]["records"][0]["Subject"] == "Call"


NESTED = (
    "SELECT Name, (SELECT Name, (SELECT Name, (SELECT LastName FROM Contacts) "
    "FROM ChildAccounts) FROM ChildAccounts) FROM Account WHERE Name = 'Acme'"
)


def test_subqueries_nest_since_version_58(soql):
    (acme,) = soql.records(NESTED)

    (beta,) = acme["ChildAccounts"]["records"]
    (gamma,) = beta["ChildAccounts"]["records"]
    assert (beta["Name"], gamma["Name"], gamma["Contacts"]) == ("beta", "Gamma 100%", None)


def test_before_version_58_they_did_not(soql):
    refusal = soql.with_context(api_version=57.0).refusal(NESTED)

    assert refusal.reason == "subqueries may be nested 1 deep in this API version"


def test_six_levels_of_subqueries_are_too_many(soql):
    def nested(depth):
        inner = f", ({nested(depth - 1)})" if depth else ""
        return f"SELECT Id{inner} FROM {'ChildAccounts' if depth < 6 else 'Account'}"

    assert soql.refusal(nested(6)).reason == "subqueries may be nested 5 deep in this API version"
    assert soql.records(nested(6).replace(", (SELECT Id FROM ChildAccounts)", "", 1))


REFUSED_SUBQUERIES = [
    ("SELECT COUNT() FROM Contacts", "COUNT() needs a GROUP BY clause"),
    ("SELECT LastName FROM Contacts GROUP BY LastName", "GROUP BY is not allowed in a subquery"),
    ("SELECT Id FROM Contacts OFFSET 1", "OFFSET in a subquery needs LIMIT 1 in the outer query"),
    ("SELECT Id FROM Contacts WHERE AccountId IN (SELECT Id FROM Account)",
     "Semi join sub-selects are not allowed in a subquery"),
]  # fmt: skip


@pytest.mark.parametrize(("subquery", "reason"), REFUSED_SUBQUERIES)
def test_what_a_subquery_may_not_hold_is_refused(soql, subquery, reason):
    refusal = soql.refusal(f"SELECT Id, ({subquery}) FROM Account")

    assert (refusal.code, refusal.reason) == ("MALFORMED_QUERY", reason)


def test_a_subquery_may_skip_rows_of_a_single_parent(soql):
    (row,) = soql.records(
        "SELECT (SELECT LastName FROM Contacts ORDER BY LastName OFFSET 1) FROM Account "
        "WHERE Name = 'Acme' LIMIT 1"
    )

    assert [one["LastName"] for one in row["Contacts"]["records"]] == ["Dee"]


def test_at_most_20_subqueries(soql):
    subqueries = ", ".join(["(SELECT Id FROM Contacts)"] * 21)

    assert soql.refusal(f"SELECT {subqueries} FROM Account").reason == (
        "a query may have at most 20 subqueries"
    )


def test_the_same_children_twice_are_refused(soql):
    statement = "SELECT (SELECT Id FROM Contacts), (SELECT Name FROM contacts) FROM Account"

    assert soql.refusal(statement).reason == "duplicate subquery: Contacts"


SEMI_JOINS = [
    ("Id IN (SELECT AccountId FROM Contact)", {"Acme", "beta"}),
    ("Id NOT IN (SELECT AccountId FROM Contact)", {"Gamma 100%", "delta_x"}),
    ("Id IN (SELECT AccountId FROM Contact WHERE LastName = 'dee')", {"Acme"}),
    ("Id IN (SELECT c.AccountId FROM Contact c WHERE c.Account.Name = 'beta')", {"beta"}),
    ("Id IN (SELECT AccountId FROM Contact) AND Name LIKE 'b%'", {"beta"}),
    ("Name LIKE 'b%' AND (Id IN (SELECT AccountId FROM Contact) AND Name != 'x')", {"beta"}),
    ("Id IN (SELECT AccountId FROM Contact) AND Id NOT IN (SELECT Account__c FROM Order__c)",
     {"beta"}),
    ("Id IN (SELECT WhatId FROM Task)", {"Acme"}),
    ("OwnerId IN (SELECT Id FROM User WHERE IsActive = true)", {"Acme", "Gamma 100%"}),
    # A null on the left is in no set, so it is outside of any.
    ("OwnerId NOT IN (SELECT Id FROM User WHERE IsActive = true)", {"beta", "delta_x"}),
]  # fmt: skip


@pytest.mark.parametrize(("where", "names"), SEMI_JOINS)
def test_a_semi_join_finds_rows_by_other_rows(soql, where, names):
    assert soql.accounts(where) == names


def test_an_anti_join_keeps_rows_whose_own_reference_is_null(soql):
    names = soql.values(
        "SELECT LastName FROM Contact WHERE AccountId NOT IN (SELECT AccountId FROM Case) "
        "ORDER BY LastName"
    )

    assert names == ["Bee", "Cee", "Dee", "Eff"]


REFUSED_SEMI_JOINS = [
    ("Name IN (SELECT Name FROM Contact)",
     "The left operand field in the where expression for outer query should be an id field, "
     "cannot use : 'Name'"),
    ("Owner.ManagerId IN (SELECT Id FROM User)",
     "The left operand field in the where expression for outer query should be an id field, "
     "cannot use : 'Owner.ManagerId'"),
    ("Id IN (SELECT ParentId FROM Account)",
     "The inner and outer selects should not be on the same object type"),
    ("Id IN (SELECT LastName FROM Contact)",
     "a semi join sub-select selects exactly one Id or reference field of its own object"),
    ("Id IN (SELECT Account.OwnerId FROM Contact)",
     "a semi join sub-select selects exactly one Id or reference field of its own object"),
    ("Id IN (SELECT AccountId, Id FROM Contact)",
     "a semi join sub-select selects exactly one Id or reference field of its own object"),
    ("Id IN (SELECT COUNT(Id) FROM Contact)",
     "a semi join sub-select selects exactly one Id or reference field of its own object"),
    ("Id IN (SELECT OwnerId FROM Contact)",
     "The selected field 'OwnerId' in the subquery and the left operand field in the where "
     "expression in the outer query 'Id' should point to the same object type"),
    ("Id IN (SELECT AccountId FROM Contact ORDER BY Name)",
     "ORDER BY, LIMIT, OFFSET and GROUP BY are not allowed in a semi join sub-select"),
    ("Id IN (SELECT AccountId FROM Contact LIMIT 5)",
     "ORDER BY, LIMIT, OFFSET and GROUP BY are not allowed in a semi join sub-select"),
    ("Id IN (SELECT AccountId FROM Contact) OR Name = 'x'",
     "Semi join sub-selects are not allowed with the 'OR' operator"),
    ("Name = 'y' AND (Name = 'x' OR Id IN (SELECT AccountId FROM Contact))",
     "Semi join sub-selects are not allowed with the 'OR' operator"),
    ("NOT Id IN (SELECT AccountId FROM Contact)",
     "Semi join sub-selects are not allowed with the 'NOT' operator"),
    ("Id IN (SELECT AccountId FROM Contact WHERE Id IN (SELECT ContactId FROM Case))",
     "Nesting of semi join sub-selects is not supported"),
    ("Id IN (SELECT AccountId FROM Contact) AND Id IN (SELECT AccountId FROM Case) "
     "AND Id IN (SELECT AccountId FROM Opportunity)",
     "Maximum 2 semi join sub-selects are allowed"),
]  # fmt: skip


@pytest.mark.parametrize(("where", "reason"), REFUSED_SEMI_JOINS)
def test_a_semi_join_outside_its_rules_is_refused(soql, where, reason):
    refusal = soql.refusal(f"SELECT Id FROM Account WHERE {where}")

    assert (refusal.code, refusal.reason) == ("MALFORMED_QUERY", reason)
