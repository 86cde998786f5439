"""Which rows a WHERE clause finds, and which comparisons are refused."""

import pytest

from emulator.ids import make_id

ALL = {"Acme", "beta", "Gamma 100%", "delta_x"}
ACME_18 = make_id("001", 1)

FOUND = [
    # Text is compared without case; an empty text is null.
    ("Name = 'ACME'", {"Acme"}),
    ("Name = 'acm'", set()),
    ("Name > 'BETA'", {"delta_x", "Gamma 100%"}),
    ("Name <= 'b'", {"Acme"}),
    ("Industry = null", {"beta"}),
    ("Industry = ''", {"beta"}),
    ("Industry != null", ALL - {"beta"}),
    ("Industry != ''", ALL - {"beta"}),
    ("Industry != 'Energy'", {"beta", "delta_x"}),
    ("Industry <> 'Energy'", {"beta", "delta_x"}),
    ("NOT Industry = 'Energy'", {"beta", "delta_x"}),
    ("NOT Industry != 'Energy'", {"Acme", "Gamma 100%"}),
    ("NOT (Industry = 'Energy' AND Rating = 'Hot')", ALL - {"Acme"}),
    ("NOT (Industry > 'A')", {"beta"}),
    ("NOT NOT Industry = 'Energy'", {"Acme", "Gamma 100%"}),
    ("Industry > null", set()),
    ("Industry IN ('energy', 'Apparel')", {"Acme", "Gamma 100%", "delta_x"}),
    ("Industry NOT IN ('energy')", {"beta", "delta_x"}),
    ("Industry IN ('energy', null)", {"Acme", "Gamma 100%", "beta"}),
    ("Industry NOT IN ('energy', '')", {"delta_x"}),
    # LIKE
    ("Name LIKE 'A%'", {"Acme"}),
    ("Name LIKE '%A'", {"beta"}),
    ("Name LIKE '_cme'", {"Acme"}),
    ("Name LIKE '%100\\%'", {"Gamma 100%"}),
    ("Name LIKE 'delta\\_%'", {"delta_x"}),
    ("Name LIKE 'delt\\_%'", set()),
    ("Name LIKE 'acme'", {"Acme"}),
    ("(NOT Name LIKE '%a%')", set()),
    ("Industry LIKE '%'", ALL - {"beta"}),
    ("NOT Industry LIKE '%'", {"beta"}),
    # Numbers
    ("AnnualRevenue = 300", {"Acme"}),
    ("AnnualRevenue = 300.00", {"Acme"}),
    ("AnnualRevenue > 3e2", {"Gamma 100%"}),
    ("AnnualRevenue < -4.5", {"delta_x"}),
    ("AnnualRevenue != 300", ALL - {"Acme"}),
    ("AnnualRevenue < 1000000000000000000000000000000000000000000", ALL - {"beta"}),
    ("AnnualRevenue IN (300, -5)", {"Acme", "delta_x"}),
    ("NumberOfEmployees >= 10", {"Acme", "Gamma 100%"}),
    ("NumberOfEmployees NOT IN (10, 20)", {"beta", "delta_x"}),
    # Booleans are never null.
    ("IsDeleted = false", ALL),
    ("IsDeleted = null", ALL),
    ("IsDeleted != null", set()),
    ("IsDeleted != true", ALL),
    ("IsDeleted = true", set()),
    ("IsDeleted IN (false, null)", ALL),
    ("Owner.IsActive = true", {"Acme", "Gamma 100%"}),
    ("Owner.IsActive = false", {"beta", "delta_x"}),
    ("Parent.IsDeleted = false", ALL),
    # Ids in 15 or 18 characters
    (f"Id = '{ACME_18}'", {"Acme"}),
    (f"Id = '{ACME_18[:15]}'", {"Acme"}),
    (f"Id IN ('{ACME_18[:15]}', '{make_id('001', 2)}')", {"Acme", "beta"}),
    (f"Id != '{ACME_18}'", ALL - {"Acme"}),
    (f"Id > '{ACME_18}'", ALL - {"Acme"}),
    ("ParentId = null", {"Acme", "delta_x"}),
    ("ParentId = ''", {"Acme", "delta_x"}),
    ("ParentId != null", {"beta", "Gamma 100%"}),
    # Parents are joined from outside.
    ("Parent.Name = 'acme'", {"beta"}),
    ("Parent.Name = null", {"Acme", "delta_x"}),
    ("Parent.Parent.Name = 'Acme'", {"Gamma 100%"}),
    ("Owner.Name = 'Ada Vane'", {"Acme", "Gamma 100%"}),
    ("Parent.Owner.Name = null", {"Acme", "delta_x"}),
    # Datetimes
    ("CreatedDate = 2026-05-15T01:00:00Z", {"Acme"}),
    ("CreatedDate = 2026-05-15T03:00:00+02:00", {"Acme"}),
    ("CreatedDate = 2026-05-14T18:00:00.000-07:00", {"Acme"}),
    ("CreatedDate > 2026-05-15T01:00:00Z", {"beta"}),
    (
        "CreatedDate >= 2024-02-29T12:00:00Z AND CreatedDate < 2026-01-01T00:00:00Z",
        {"Gamma 100%", "delta_x"},
    ),
    ("CreatedDate IN (2026-05-15T01:00:00Z, 2026-05-15T08:00:00Z)", {"Acme", "beta"}),
    # Midnight in California is 07:00 UTC in May.
    ("CreatedDate = TODAY", {"beta"}),
    ("CreatedDate = YESTERDAY", {"Acme"}),
    ("CreatedDate != TODAY", ALL - {"beta"}),
    ("CreatedDate < TODAY", ALL - {"beta"}),
    ("CreatedDate <= YESTERDAY", ALL - {"beta"}),
    ("CreatedDate >= TODAY", {"beta"}),
    ("CreatedDate > YESTERDAY", {"beta"}),
    ("CreatedDate > TODAY", set()),
    ("CreatedDate = LAST_N_DAYS:1", {"Acme", "beta"}),
    ("CreatedDate IN (TODAY, YESTERDAY)", {"Acme", "beta"}),
    ("CreatedDate NOT IN (TODAY, YESTERDAY)", {"Gamma 100%", "delta_x"}),
    ("CreatedDate = THIS_YEAR", {"Acme", "beta"}),
    ("CreatedDate = LAST_YEAR", {"Gamma 100%"}),
    ("CreatedDate = N_YEARS_AGO:2", {"delta_x"}),
    # Functions of dates, in UTC unless converted
    ("DAY_ONLY(CreatedDate) = 2026-05-15", {"Acme", "beta"}),
    ("DAY_ONLY(convertTimezone(CreatedDate)) = 2026-05-14", {"Acme"}),
    ("CALENDAR_YEAR(CreatedDate) = 2025", {"Gamma 100%"}),
    ("CALENDAR_MONTH(CreatedDate) = 2", {"delta_x"}),
    ("CALENDAR_QUARTER(CreatedDate) = 4", {"Gamma 100%"}),
    ("DAY_IN_MONTH(CreatedDate) = 29", {"delta_x"}),
    ("DAY_IN_WEEK(CreatedDate) = 6", {"Acme", "beta"}),
    ("DAY_IN_YEAR(CreatedDate) = 365", {"Gamma 100%"}),
    ("HOUR_IN_DAY(CreatedDate) = 1", {"Acme"}),
    ("HOUR_IN_DAY(convertTimezone(CreatedDate)) = 1", {"beta"}),
    ("WEEK_IN_MONTH(CreatedDate) = 3", {"Acme", "beta"}),
    ("WEEK_IN_YEAR(CreatedDate) = 9", {"delta_x"}),
    ("FISCAL_YEAR(CreatedDate) = 2024 AND FISCAL_QUARTER(CreatedDate) = 1", {"delta_x"}),
    # The object's name and its alias before a field
    ("Account.Name = 'Acme'", {"Acme"}),
]

ORDERS = [
    ("Tags__c = 'gift;express'", {"ORD-1"}),
    ("Tags__c INCLUDES ('Express')", {"ORD-1", "ORD-2"}),
    ("Tags__c INCLUDES ('gift;express')", {"ORD-1"}),
    ("Tags__c INCLUDES ('Gift;Express', 'Export')", {"ORD-1", "ORD-2"}),
    ("Tags__c INCLUDES ('Exp')", set()),
    ("Tags__c EXCLUDES ('Gift')", {"ORD-2", "ORD-3"}),
    ("Tags__c EXCLUDES ('Gift', 'Export')", {"ORD-3"}),
    ("NOT Tags__c INCLUDES ('Gift')", {"ORD-2", "ORD-3"}),
    ("Tags__c = null", {"ORD-3"}),
    ("Amount__c = 10.50", {"ORD-1"}),
    ("Amount_With_Tax__c > 10", {"ORD-1"}),
    ("Account__r.Name = 'Acme'", {"ORD-1", "ORD-2"}),
]

REFUSED = [
    ("CreatedDate = '2026-01-01'", "INVALID_FIELD",
     "value of filter criterion for field 'CreatedDate' must be of type dateTime and should not "
     "be enclosed in quotes"),
    ("CreatedDate = 2026-01-01", "INVALID_FIELD",
     "value of filter criterion for field 'CreatedDate' must be of type dateTime and should not "
     "be enclosed in quotes"),
    ("SLAExpirationDate__c = 1", "INVALID_FIELD",
     "No such column 'SLAExpirationDate__c' on entity 'Account'. If you are attempting to use a "
     "custom field, be sure to append the '__c' after the custom field name. Please reference "
     "your WSDL or the describe call for the appropriate names."),
    ("LastActivityDate = 2026-01-01T00:00:00Z", "INVALID_FIELD",
     "value of filter criterion for field 'LastActivityDate' must be of type date and should not "
     "be enclosed in quotes"),
    ("AnnualRevenue = '300'", "INVALID_FIELD",
     "value of filter criterion for field 'AnnualRevenue' must be of type double and should not "
     "be enclosed in quotes"),
    ("NumberOfEmployees = '3'", "INVALID_FIELD",
     "value of filter criterion for field 'NumberOfEmployees' must be of type int and should not "
     "be enclosed in quotes"),
    ("AnnualRevenue = 1e99999999999999999999", "INVALID_FIELD",
     "value of filter criterion for field 'AnnualRevenue' must be of type double and should not "
     "be enclosed in quotes"),
    ("NumberOfEmployees = 1.5", "INVALID_FIELD",
     "value of filter criterion for field 'NumberOfEmployees' must be of type int and should not "
     "be enclosed in quotes"),
    ("Name = 3", "INVALID_FIELD",
     "value of filter criterion for field 'Name' must be of type string and should be enclosed "
     "in quotes"),
    ("Name IN ('x', TODAY)", "INVALID_FIELD",
     "value of filter criterion for field 'Name' must be of type string and should be enclosed "
     "in quotes"),
    ("Name LIKE null", "INVALID_FIELD",
     "value of filter criterion for field 'Name' must be of type string and should be enclosed "
     "in quotes"),
    ("IsDeleted = 'true'", "INVALID_FIELD",
     "value of filter criterion for field 'IsDeleted' must be of type boolean and should not be "
     "enclosed in quotes"),
    ("OwnerId = 5", "INVALID_FIELD",
     "value of filter criterion for field 'OwnerId' must be of type ID and should be enclosed in "
     "quotes"),
    ("Description = 'x'", "INVALID_FIELD",
     "field 'Description' can not be filtered in a query call"),
    ("BillingAddress = 'x'", "INVALID_FIELD",
     "field 'BillingAddress' can not be filtered in a query call"),
    ("Id = '42'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: 42"),
    ("Id LIKE '001%'", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on id field"),
    ("IsDeleted > false", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on boolean field"),
    ("Industry INCLUDES ('x')", "INVALID_QUERY_FILTER_OPERATOR",
     "invalid operator on picklist field"),
    ("AnnualRevenue LIKE '3%'", "INVALID_QUERY_FILTER_OPERATOR",
     "invalid operator on double field"),
    ("CreatedDate = 1699-12-31T00:00:00Z", "MALFORMED_QUERY",
     "dates run from 1700-01-01 to 4000-12-31"),
    ("CreatedDate = N_YEARS_AGO:9999", "MALFORMED_QUERY",
     "dates run from 1700-01-01 to 4000-12-31"),
    ("CreatedDate = LAST_N_DAYS:99999999999", "MALFORMED_QUERY",
     "dates run from 1700-01-01 to 4000-12-31"),
    ("CreatedDate = 2026-13-01T00:00:00Z", "MALFORMED_QUERY",
     "invalid date or time: 2026-13-01T00:00:00Z"),
    ("Name = 'a\\x'", "MALFORMED_QUERY", "Illegal character sequence '\\x' in string literal."),
    ("Name = 'a\\%'", "MALFORMED_QUERY", "Illegal character sequence '\\%' in string literal."),
    ("COUNT(Id) > 1", "MALFORMED_QUERY", "unexpected token: '('"),
    ("CALENDAR_YEAR(Name) = 1", "MALFORMED_QUERY",
     "field Name does not support the function CALENDAR_YEAR"),
    ("HOUR_IN_DAY(LastActivityDate) = 1", "MALFORMED_QUERY",
     "field LastActivityDate does not support the function HOUR_IN_DAY"),
]  # fmt: skip


@pytest.mark.parametrize(("where", "names"), FOUND)
def test_a_condition_finds_the_rows_that_salesforce_finds(soql, where, names):
    assert soql.accounts(where) == names


@pytest.mark.parametrize(("where", "names"), ORDERS)
def test_a_condition_on_a_custom_object_finds_its_rows(soql, where, names):
    assert set(soql.values(f"SELECT Name FROM Order__c WHERE {where}")) == names


@pytest.mark.parametrize(("where", "names"), FOUND)
def test_not_finds_exactly_the_other_rows(soql, where, names):
    assert soql.accounts(f"NOT ({where})") == ALL - names


@pytest.mark.parametrize(("where", "code", "reason"), REFUSED)
def test_a_comparison_of_unlike_things_is_refused(soql, where, code, reason):
    refusal = soql.refusal(f"SELECT Id FROM Account WHERE {where}")

    assert (refusal.code, refusal.reason) == (code, reason)
    assert refusal.column >= 30


def test_multi_select_picklists_can_only_be_compared_for_equality(soql):
    refusal = soql.refusal("SELECT Id FROM Order__c WHERE Tags__c > 'A'")

    assert refusal.code == "INVALID_QUERY_FILTER_OPERATOR"
    assert refusal.reason == "invalid operator on multipicklist field"


def test_escapes_mean_the_characters_they_stand_for(bare_org):
    text = "a\n\t'\"\\é😀"
    bare_org.insert("Account", Id=make_id("001", 1), Name=text)

    found = bare_org.values(
        "SELECT Name FROM Account WHERE Name = 'a\\n\\T\\'\\\"\\\\\\u00e9\\ud83d\\ude00'"
    )

    assert found == [text]


def test_a_backslash_in_a_pattern_is_itself(bare_org):
    bare_org.insert("Account", Id=make_id("001", 1), Name="a\\b")
    bare_org.insert("Account", Id=make_id("001", 2), Name="axb")

    assert bare_org.values("SELECT Name FROM Account WHERE Name LIKE 'a\\\\_'") == ["a\\b"]


def test_a_string_of_more_than_4000_characters_is_refused(soql):
    assert soql.accounts(f"Name = '{'x' * 4000}'") == set()
    refusal = soql.refusal(f"SELECT Id FROM Account WHERE Name = '{'x' * 4001}'")
    assert refusal.reason == "a string in a condition may have at most 4000 characters"


def test_a_case_sensitive_field_tells_capitals_apart(bare_org):
    bare_org.insert("User", Id=make_id("005", 1), FederationIdentifier="Ab")

    query = "SELECT Id FROM User WHERE FederationIdentifier"
    assert len(bare_org.values(f"{query} = 'Ab'")) == 1
    assert bare_org.values(f"{query} = 'ab'") == []
    assert bare_org.values(f"{query} LIKE 'a%'") == []


def test_a_window_on_systemmodstamp_compares_the_bare_column(soql):
    compiled = soql.compile_bulk(
        "SELECT Id FROM Account WHERE SystemModstamp >= 2026-01-01T00:00:00Z "
        "AND SystemModstamp < 2026-01-02T00:00:00Z"
    )

    assert compiled.sql.endswith(
        'WHERE NOT t0._deleted AND (t0."SystemModstamp" >= ? AND t0."SystemModstamp" < ?)'
    )


def test_no_value_becomes_part_of_the_sql(soql):
    compiled = soql.compile("SELECT Id FROM Account WHERE Name = 'secret' AND AnnualRevenue = 77")

    assert "secret" not in compiled.sql
    assert "77" not in compiled.sql


def test_the_recycle_bin_is_seen_only_by_query_all(soql):
    everything = soql.with_context(include_deleted=True)

    assert "Zombie" not in soql.accounts("IsDeleted = false OR IsDeleted = true")
    assert everything.accounts("IsDeleted = true") == {"Zombie"}
    assert everything.total("SELECT COUNT() FROM Account") == 5


def test_scope_mine_means_the_rows_of_the_user(soql):
    assert set(soql.values("SELECT Name FROM Account USING SCOPE mine")) == {"Acme", "Gamma 100%"}
    assert len(soql.values("SELECT Name FROM Account USING SCOPE Everything")) == 4
    refusal = soql.refusal("SELECT Name FROM Account USING SCOPE team")
    assert refusal.code == "INVALID_QUERY_SCOPE"
