"""Aggregate functions, GROUP BY and HAVING."""

import pytest

from emulator.ids import make_id
from emulator.soql import SoqlError

RESULTS = [
    ("SELECT COUNT(Id) FROM Account", [4]),
    ("SELECT COUNT(Industry) FROM Account", [3]),
    ("SELECT COUNT_DISTINCT(Industry) FROM Account", [2]),
    ("SELECT SUM(AnnualRevenue) FROM Account", [1295.0]),
    ("SELECT SUM(NumberOfEmployees) FROM Account", [30]),
    ("SELECT AVG(NumberOfEmployees) FROM Account", [10.0]),
    ("SELECT AVG(AnnualRevenue) FROM Account WHERE Industry = 'Energy'", [650.0]),
    ("SELECT MIN(Name) FROM Account", ["Acme"]),
    ("SELECT MAX(Name) FROM Account", ["Gamma 100%"]),
    # By definition Hot is before Warm and Cold.
    ("SELECT MIN(Rating) FROM Account", ["Hot"]),
    ("SELECT MAX(Rating) FROM Account", ["Cold"]),
    ("SELECT MIN(AnnualRevenue) FROM Account", [-5.0]),
    ("SELECT MAX(CreatedDate) FROM Account", ["2026-05-15T08:00:00.000+0000"]),
    ("SELECT SUM(AnnualRevenue) FROM Account WHERE Name = 'nobody'", [None]),
    ("SELECT COUNT(Id) FROM Account WHERE Name = 'nobody'", [0]),
    ("SELECT COUNT(Id), MAX(Name) biggest, MIN(Name) FROM Account",
     [{"expr0": 4, "biggest": "Gamma 100%", "expr1": "Acme"}]),
    ("SELECT Industry FROM Account GROUP BY Industry ORDER BY Industry",
     [None, "Apparel", "Energy"]),
    ("SELECT Industry, COUNT(Id) FROM Account GROUP BY Industry ORDER BY Industry NULLS LAST",
     [{"Industry": "Apparel", "expr0": 1}, {"Industry": "Energy", "expr0": 2},
      {"Industry": None, "expr0": 1}]),
    ("SELECT industry kind, COUNT(id) n FROM Account GROUP BY INDUSTRY HAVING COUNT(Id) > 1",
     [{"kind": "Energy", "n": 2}]),
    ("SELECT Industry FROM Account GROUP BY Industry HAVING Industry LIKE 'e%'", ["Energy"]),
    ("SELECT Industry FROM Account GROUP BY Industry HAVING NOT Industry = 'Energy' "
     "ORDER BY Industry", [None, "Apparel"]),
    ("SELECT Industry FROM Account GROUP BY Industry HAVING SUM(AnnualRevenue) < 0 "
     "OR MAX(Name) = 'BETA' ORDER BY COUNT(Id), Industry", [None, "Apparel"]),
    ("SELECT Industry FROM Account GROUP BY Industry ORDER BY COUNT(Id) DESC, Industry LIMIT 1",
     ["Energy"]),
    ("SELECT Industry FROM Account GROUP BY Industry ORDER BY Industry LIMIT 1 OFFSET 1",
     ["Apparel"]),
    ("SELECT Rating FROM Account GROUP BY Rating ORDER BY Rating DESC",
     [None, "Cold", "Warm", "Hot"]),
    ("SELECT Owner.Name, COUNT(Id) n FROM Account GROUP BY Owner.Name ORDER BY Owner.Name",
     [{"Name": "Ada Vane", "n": 2}, {"Name": "Bolt", "n": 2}]),
    ("SELECT COUNT(Id) FROM Account GROUP BY Owner.Name, Industry HAVING Owner.Name = 'Ada Vane'",
     [2]),
    ("SELECT CALENDAR_YEAR(CreatedDate), COUNT(Id) FROM Account "
     "GROUP BY CALENDAR_YEAR(CreatedDate) ORDER BY CALENDAR_YEAR(CreatedDate)",
     [{"expr0": 2024, "expr1": 1}, {"expr0": 2025, "expr1": 1}, {"expr0": 2026, "expr1": 2}]),
    ("SELECT DAY_ONLY(convertTimezone(CreatedDate)) day FROM Account "
     "GROUP BY DAY_ONLY(convertTimezone(CreatedDate)) "
     "HAVING DAY_ONLY(convertTimezone(CreatedDate)) > 2026-01-01 "
     "ORDER BY DAY_ONLY(convertTimezone(CreatedDate)) DESC", ["2026-05-15", "2026-05-14"]),
    ("SELECT COUNT(Id) FROM Account GROUP BY Name HAVING Name IN ('acme', 'nobody')", [1]),
    ("SELECT Industry, COUNT(Id) n, GROUPING(Industry) total FROM Account "
     "GROUP BY ROLLUP(Industry) ORDER BY GROUPING(Industry), Industry",
     [{"Industry": None, "n": 1, "total": 0}, {"Industry": "Apparel", "n": 1, "total": 0},
      {"Industry": "Energy", "n": 2, "total": 0}, {"Industry": None, "n": 4, "total": 1}]),
    ("SELECT Owner.Name, Rating, SUM(AnnualRevenue) FROM Account "
     "GROUP BY ROLLUP(Owner.Name, Rating) HAVING GROUPING(Rating) = 1 ORDER BY Owner.Name",
     [{"Name": None, "Rating": None, "expr0": 1295.0},
      {"Name": "Ada Vane", "Rating": None, "expr0": 1300.0},
      {"Name": "Bolt", "Rating": None, "expr0": -5.0}]),
    ("SELECT GROUPING(Industry), GROUPING(Rating), COUNT(Id) FROM Account "
     "WHERE Industry = 'Energy' GROUP BY CUBE(Industry, Rating) "
     "ORDER BY GROUPING(Industry), GROUPING(Rating), Rating",
     [{"expr0": 0, "expr1": 0, "expr2": 1}, {"expr0": 0, "expr1": 0, "expr2": 1},
      {"expr0": 0, "expr1": 1, "expr2": 2},
      {"expr0": 1, "expr1": 0, "expr2": 1}, {"expr0": 1, "expr1": 0, "expr2": 1},
      {"expr0": 1, "expr1": 1, "expr2": 2}]),
    ("SELECT CALENDAR_YEAR(CreatedDate) year, COUNT(Id) n FROM Account "
     "GROUP BY ROLLUP(CALENDAR_YEAR(CreatedDate)) ORDER BY CALENDAR_YEAR(CreatedDate) NULLS LAST",
     [{"year": 2024, "n": 1}, {"year": 2025, "n": 1}, {"year": 2026, "n": 2},
      {"year": None, "n": 4}]),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "values"), RESULTS)
def test_groups_and_their_values(soql, statement, values):
    assert soql.values(statement) == values


def test_a_row_of_groups_has_a_type_and_no_url(soql):
    (record,) = soql.records("SELECT SUM(AnnualRevenue) FROM Account WHERE Name = 'Acme'")

    assert record == {"attributes": {"type": "AggregateResult"}, "expr0": 300.0}


def test_decimals_are_added_as_decimals(bare_org):
    for number, amount in enumerate((0.1, 0.2, 1234567.89, None)):
        bare_org.insert("Opportunity", Id=make_id("006", number), Amount=amount)

    (record,) = bare_org.records(
        "SELECT SUM(Amount) total, AVG(Amount) mean FROM Opportunity WHERE Amount < 1"
    )
    (total,) = bare_org.values("SELECT SUM(Amount) FROM Opportunity")

    assert (record["total"], record["mean"]) == (0.3, 0.15)
    assert total == 1234568.19


def test_the_total_counts_groups(soql):
    grouped = "SELECT Industry, COUNT(Id) FROM Account GROUP BY Industry"

    assert soql.compile(grouped).kind == "aggregate"
    assert soql.total(grouped) == 3
    assert soql.total(f"{grouped} LIMIT 2") == 2
    assert soql.total("SELECT COUNT(Id) FROM Account") == 1


def test_deleted_rows_are_not_aggregated(soql):
    everything = soql.with_context(include_deleted=True)

    assert soql.values("SELECT COUNT(Id) FROM Account") == [4]
    assert everything.values("SELECT COUNT(Id) FROM Account") == [5]


REFUSED = [
    ("SELECT Name, COUNT(Id) FROM Account", "Field must be grouped or aggregated: Name"),
    ("SELECT Name FROM Account GROUP BY Industry", "Field must be grouped or aggregated: Name"),
    ("SELECT COUNT(Id) FROM Account LIMIT 1",
     "Non-grouped query that uses overall aggregate functions cannot also use LIMIT"),
    ("SELECT COUNT(Id), COUNT() FROM Account",
     "COUNT() must be the only element of the SELECT clause"),
    ("SELECT COUNT() n FROM Account", "COUNT() must be the only element of the SELECT clause"),
    ("SELECT COUNT() FROM Account HAVING Name = 'x'", "HAVING needs a GROUP BY clause"),
    ("SELECT SUM(Name) FROM Account", "field Name does not support aggregate operator SUM"),
    ("SELECT AVG(CreatedDate) FROM Account",
     "field CreatedDate does not support aggregate operator AVG"),
    ("SELECT MAX(IsDeleted) FROM Account",
     "field IsDeleted does not support aggregate operator MAX"),
    ("SELECT COUNT(Tags__c) FROM Order__c", "field Tags__c does not support aggregate operator "
     "COUNT"),
    ("SELECT CreatedDate FROM Account GROUP BY CreatedDate",
     "field 'CreatedDate' can not be grouped in a query call"),
    ("SELECT AnnualRevenue FROM Account GROUP BY AnnualRevenue",
     "field 'AnnualRevenue' can not be grouped in a query call"),
    ("SELECT Tags__c FROM Order__c GROUP BY Tags__c",
     "field 'Tags__c' can not be grouped in a query call"),
    ("SELECT Name, Owner.Name FROM Account GROUP BY Name, Owner.Name", "duplicate alias: Name"),
    ("SELECT Industry, GROUPING(Industry) FROM Account GROUP BY Industry",
     "GROUPING needs a field of GROUP BY ROLLUP or GROUP BY CUBE"),
    ("SELECT GROUPING(Name) FROM Account GROUP BY CUBE(Industry)",
     "Field must be grouped or aggregated: Name"),
    ("SELECT COUNT(Id) n, MAX(Name) N FROM Account", "duplicate alias: N"),
    ("SELECT Id FROM Account HAVING COUNT(Id) > 1", "HAVING needs a GROUP BY clause"),
    ("SELECT COUNT(Id) FROM Account HAVING COUNT(Id) > 1", "HAVING needs a GROUP BY clause"),
    ("SELECT Name FROM Account GROUP BY Name HAVING Industry = 'x'",
     "Field must be grouped or aggregated: Industry"),
    ("SELECT Name FROM Account GROUP BY Name ORDER BY Industry",
     "Field must be grouped or aggregated: Industry"),
    ("SELECT Name, (SELECT Id FROM Contacts) FROM Account GROUP BY Name",
     "subqueries, FIELDS() and TYPEOF are not allowed in an aggregate query"),
    ("SELECT Id FROM Account GROUP BY Id HAVING Id IN (SELECT AccountId FROM Contact)",
     "Semi join sub-selects are not allowed in HAVING"),
    ("SELECT COUNT(CALENDAR_YEAR(CreatedDate)) FROM Account", "aggregate functions take a field"),
    ("SELECT LOUD(Name) FROM Account GROUP BY Name", "unexpected token: '('"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "reason"), REFUSED)
def test_an_aggregate_outside_its_rules_is_refused(soql, statement, reason):
    refusal = soql.refusal(statement)

    assert (refusal.code, refusal.reason) == ("MALFORMED_QUERY", reason)


def test_more_than_2000_groups_are_an_error_because_groups_are_not_paged(bare_org):
    bare_org.connection.execute(
        """INSERT INTO "Account" ("Id", "Name") SELECT 'x' || i, 'n' || i FROM range(2001) t(i)"""
    )

    query = "SELECT Name FROM Account GROUP BY Name"
    assert len(bare_org.records(f"{query} LIMIT 2000")) == 2000
    with pytest.raises(SoqlError, match="EXCEEDED_ID_LIMIT"):
        bare_org.records(query)


def test_a_group_of_a_parent_that_is_not_there_is_a_null_group(bare_org):
    bare_org.insert("Account", Id=make_id("001", 1), Name="Up")
    bare_org.insert("Account", Id=make_id("001", 2), Name="Down", ParentId=make_id("001", 1))

    groups = bare_org.values(
        "SELECT Parent.Name, COUNT(Id) n FROM Account GROUP BY Parent.Name ORDER BY Parent.Name"
    )

    assert groups == [{"Name": None, "n": 1}, {"Name": "Up", "n": 1}]
