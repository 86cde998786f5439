"""ORDER BY: nulls first, text without case, picklists by their definition."""

import random

import pytest

from emulator.ids import make_id

ORDERS = [
    ("Name", ["Acme", "beta", "delta_x", "Gamma 100%"]),
    ("Name ASC", ["Acme", "beta", "delta_x", "Gamma 100%"]),
    ("Name DESC", ["Gamma 100%", "delta_x", "beta", "Acme"]),
    ("AnnualRevenue", ["beta", "delta_x", "Acme", "Gamma 100%"]),
    ("AnnualRevenue DESC", ["beta", "Gamma 100%", "Acme", "delta_x"]),
    ("AnnualRevenue NULLS LAST", ["delta_x", "Acme", "Gamma 100%", "beta"]),
    ("AnnualRevenue DESC NULLS LAST", ["Gamma 100%", "Acme", "delta_x", "beta"]),
    ("AnnualRevenue DESC NULLS FIRST", ["beta", "Gamma 100%", "Acme", "delta_x"]),
    ("Rating", ["Gamma 100%", "Acme", "delta_x", "beta"]),
    ("Rating DESC", ["Gamma 100%", "beta", "delta_x", "Acme"]),
    ("Industry NULLS LAST, Name DESC", ["delta_x", "Gamma 100%", "Acme", "beta"]),
    ("Owner.Name, Name", ["Acme", "Gamma 100%", "beta", "delta_x"]),
    ("CreatedDate", ["delta_x", "Gamma 100%", "Acme", "beta"]),
    # NULLS LAST is ignored on references and through them.
    ("ParentId NULLS LAST, Name", ["Acme", "delta_x", "beta", "Gamma 100%"]),
    ("Parent.Name NULLS LAST, Name", ["Acme", "delta_x", "beta", "Gamma 100%"]),
    ("CALENDAR_YEAR(CreatedDate) DESC, Name", ["Acme", "beta", "Gamma 100%", "delta_x"]),
]


@pytest.mark.parametrize(("order", "names"), ORDERS)
def test_rows_come_in_salesforces_order(soql, order, names):
    assert soql.values(f"SELECT Name FROM Account ORDER BY {order}") == names


def test_a_picklist_is_sorted_by_its_definition_and_unknown_values_come_last(bare_org):
    defined = list(bare_org.schema.objects["Opportunity"].fields["StageName"].picklist_values)
    shuffled = [*defined, "Retired stage"]
    random.Random(7).shuffle(shuffled)
    for number, stage in enumerate(shuffled):
        bare_org.insert("Opportunity", Id=make_id("006", number), StageName=stage)

    found = bare_org.values("SELECT StageName FROM Opportunity ORDER BY StageName")

    assert defined != sorted(defined)
    assert found == [*defined, "Retired stage"]


UNSORTABLE = [
    ("SELECT Id FROM Account ORDER BY Description", "Description"),
    ("SELECT Id FROM Account ORDER BY BillingAddress", "BillingAddress"),
    ("SELECT Id FROM Order__c ORDER BY Tags__c", "Tags__c"),
    ("SELECT Id, (SELECT Id FROM Contacts ORDER BY Description) FROM Account", "Description"),
]


@pytest.mark.parametrize(("statement", "field"), UNSORTABLE)
def test_a_field_that_describe_calls_unsortable_is_refused(soql, statement, field):
    assert soql.refusal(statement).reason == f"field '{field}' can not be sorted in a query call"
