"""What the parser takes, what it refuses, and what it points at."""

import pytest

from emulator.soql import SoqlError, parse
from emulator.soql.errors import error_at

ACCEPTED = [
    "SELECT Id FROM Account",
    "select id from account",
    "SELECT\tId\n,\nName\nFROM Account",
    "SELECT Id FROM Account a",
    "SELECT a.Id FROM Account a, a.Owner u WHERE u.Name = 'x'",
    "SELECT Id FROM Account USING SCOPE mine",
    "SELECT Id FROM Account WHERE Name = 'x' LIMIT 1 OFFSET 2",
    "SELECT Id FROM Account WHERE (Name = 'x')",
    "SELECT Id FROM Account WHERE NOT Name = 'x' AND Name = 'y'",
    "SELECT Id FROM Account WHERE NOT(Name = 'x' OR Name = 'y')",
    "SELECT Id FROM Account WHERE (Name = 'x' AND Name = 'y') OR Name = 'z'",
    "SELECT Id FROM Account WHERE Name IN('x','y')AND Name NOT IN ('z')",
    "SELECT Id FROM Account WHERE Name='x'AND Name!='y'AND Name<>'z'",
    "SELECT Id FROM Account WHERE AnnualRevenue > -1.5e3",
    "SELECT Id FROM Account WHERE AnnualRevenue > +1",
    "SELECT Id FROM Account WHERE CreatedDate > LAST_N_DAYS:5",
    "SELECT Id FROM Account WHERE CreatedDate > last_n_days : 5",
    "SELECT Id FROM Account WHERE CreatedDate > 2026-01-01T00:00:00.000Z",
    "SELECT Id FROM Account WHERE CreatedDate > 2026-01-01T00:00:00+01:00",
    "SELECT Id FROM Account ORDER BY Name ASC NULLS LAST, Id DESC NULLS FIRST",
    "SELECT Id FROM Account LIMIT 1 FOR VIEW",
    "SELECT Id FROM Account FOR REFERENCE",
    "SELECT Id FROM Account LIMIT 1 UPDATE TRACKING",
    "SELECT Id FROM Account LIMIT 1 FOR VIEW UPDATE VIEWSTAT",
    "SELECT Id FROM Group",
    "SELECT Id FROM Order",
    "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
    "SELECT COUNT() FROM Account",
    "SELECT COUNT(Id) total FROM Account",
    "SELECT FIELDS(STANDARD) FROM Account",
]

# The statement, the character that is wrong, and why.
REFUSED = [
    ("", 1, "unexpected token: '<EOF>'"),
    ("Id FROM Account", 1, "unexpected token: 'Id'"),
    ("SELECT FROM Account", 13, "unexpected token: 'Account'"),
    ("SELECT Id", 10, "unexpected token: '<EOF>'"),
    ("SELECT Id FORM Account", 11, "unexpected token: 'FORM'"),
    ("SELECT * FROM Account", 8, "unexpected token: '*'"),
    ("SELECT Id FROM Account;", 23, "unexpected token: ';'"),
    ("SELECT Id FROM Account -- all", 24, "unexpected token: '-'"),
    ("SELECT Id, FROM Account", 17, "unexpected token: 'Account'"),
    ("SELECT Id FROM Account WHERE", 29, "unexpected token: '<EOF>'"),
    ("SELECT Id FROM Account WHERE Name", 34, "unexpected token: '<EOF>'"),
    ("SELECT Id FROM Account WHERE Name = ", 37, "unexpected token: '<EOF>'"),
    ("SELECT Id FROM Account WHERE Name LIKE", 39, "unexpected token: '<EOF>'"),
    ("SELECT Id FROM Account WHERE Name IN ()", 39, "unexpected token: ')'"),
    ("SELECT Id FROM Account WHERE (Name = 'x'", 41, "unexpected token: '<EOF>'"),
    ("SELECT Id FROM Account WHERE Name = 'x')", 40, "unexpected token: ')'"),
    ('SELECT Id FROM Account WHERE Name = "x"', 37, "unexpected token: '\"'"),
    ("SELECT Id FROM Account WHERE Name = 'it''s'", 41, "unexpected token: ''s''"),
    ("SELECT Id FROM A WHERE a = 1 AND b = 2 OR c = 3", 40, "unexpected token: 'OR'"),
    ("SELECT Id FROM A WHERE a = 1 OR b = 2 AND c = 3", 39, "unexpected token: 'AND'"),
    ("SELECT Id FROM A WHERE a = b", 28, "Bind variables only allowed in Apex code"),
    ("SELECT Id FROM A WHERE a = :b", 28, "Bind variables only allowed in Apex code"),
    ("SELECT Id FROM A WHERE a IN :b", 29, "Bind variables only allowed in Apex code"),
    ("SELECT Id FROM A LIMIT :b", 24, "Bind variables only allowed in Apex code"),
    ("SELECT Id FROM A LIMIT x", 24, "unexpected token: 'x'"),
    ("SELECT Id FROM A LIMIT 1.5", 24, "unexpected token: '1.5'"),
    ("SELECT Id FROM A LIMIT 2147483648", 24, "unexpected token: '2147483648'"),
    ("SELECT Id FROM A LIMIT -1", 24, "unexpected token: '-'"),
    ("SELECT Id FROM A LIMIT 1 WHERE a = 1", 26, "unexpected token: 'WHERE'"),
    ("SELECT Id FROM A ORDER BY", 26, "unexpected token: '<EOF>'"),
    ("SELECT Id FROM A ORDER BY Id NULLS", 35, "unexpected token: '<EOF>'"),
    ("SELECT Id FROM A WHERE d = LAST_N_DAYS", 39, "unexpected token: '<EOF>'"),
    ("SELECT Id FROM A WHERE d = LAST_N_DAYS:x", 40, "unexpected token: 'x'"),
    ("SELECT Id FROM A ALL ROWS", 18, "ALL ROWS not allowed in this context"),
    ("SELECT Id FROM A FOR UPDATE", 22, "FOR UPDATE not allowed in this context"),
    ("SELECT FIELDS(SOME) FROM A", 15, "unexpected token: 'SOME'"),
    ("SELECT convertCurrency(Amount) FROM A", 8, "convertCurrency() is not supported here"),
    ("SELECT Id FROM A WHERE DISTANCE(L, x, 'km') < 1", 24, "DISTANCE() is not supported here"),
    ("SELECT TYPEOF What END FROM T", 20, "unexpected token: 'END'"),
    ("SELECT TYPEOF What WHEN A THEN Id FROM T", 35, "unexpected token: 'FROM'"),
    ("SELECT TYPEOF What WHEN A THEN Id ELSE END FROM T", 44, "unexpected token: 'FROM'"),
    ("SELECT A FROM T GROUP BY ROLLUP(A, B", 37, "unexpected token: '<EOF>'"),
    (
        "SELECT A FROM T GROUP BY CUBE(A, B, C, D)",
        26,
        "GROUP BY CUBE takes at most 3 fields",
    ),
    (
        "SELECT Id FROM A WITH SECURITY_ENFORCED",
        18,
        "WITH clauses are not supported through this API",
    ),
]


@pytest.mark.parametrize("statement", ACCEPTED)
def test_a_statement_of_the_reference_is_accepted(statement):
    assert parse(statement).select


@pytest.mark.parametrize(("statement", "column", "reason"), REFUSED)
def test_a_refusal_points_at_the_first_wrong_token(statement, column, reason):
    with pytest.raises(SoqlError) as caught:
        parse(statement)

    assert caught.value.error_code == "MALFORMED_QUERY"
    lines = caught.value.message.splitlines()
    assert lines[-2:] == [f"ERROR at Row:1:Column:{column}", reason]


def test_a_string_without_its_end_is_reported_as_the_lexer_of_salesforce_does():
    with pytest.raises(SoqlError, match="mismatched character '<EOF>' expecting '''"):
        parse("SELECT Id FROM Account WHERE Name = 'x")


def test_a_statement_of_100000_characters_is_the_longest_accepted():
    statement = "SELECT Id FROM Account"
    assert parse(statement.ljust(100_000))
    with pytest.raises(SoqlError, match="cannot be longer than 100000 characters"):
        parse(statement.ljust(100_001))


def test_an_error_can_be_sent_between_processes():
    import pickle

    error = SoqlError("MALFORMED_QUERY", "unexpected token: 'x'")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


# Excerpts that real orgs sent, as quoted in public issue threads and in the recorded data; what
# stood around them is filled up.
EXCERPTS = [
    ("select count() from XYZZY", "XYZZY", "select count() from XYZZY"),
    (
        "SELECT Id,Name,BillingCity,IsDeleted FROM Accout",
        "Accout",
        "Name,BillingCity,IsDeleted FROM Accout",
    ),
    (
        "select Id, Company,Email,LastName,SF_date__c, ConvertedContactId from Lead",
        "SF_date__c",
        "select Id, Company,Email,LastName,SF_date__c, ConvertedContactId from",
    ),
    (
        "SELECT LastViewedDate, LastReferencedDate, Jigsaw, JigsawCompanyId, CleanStatus, "
        "AccountSource, DunsNumber, Tradestyle FROM Account",
        "CleanStatus",
        "LastReferencedDate, Jigsaw, JigsawCompanyId, CleanStatus, AccountSource, DunsNumber",
    ),
    (
        "SELECT Id, WebEmail__c, Case_Resolution_Summary__c, MW_Case_ID__c, "
        "Escalation_Helper_Contact__c, Id2 FROM Case",
        "MW_Case_ID__c",
        "WebEmail__c, Case_Resolution_Summary__c, MW_Case_ID__c, Escalation_Helper_Contact__c",
    ),
    (
        "SELECT Name0,CreatedById,OCE__ActualCap__c,TPI_Product__c,Name,OCE__JobId__c,X FROM P",
        "TPI_Product__c",
        "CreatedById,OCE__ActualCap__c,TPI_Product__c,Name,OCE__JobId__c",
    ),
]


@pytest.mark.parametrize(("statement", "marked", "excerpt"), EXCERPTS)
def test_an_excerpt_is_cut_where_salesforce_cuts_it(statement, marked, excerpt):
    position = statement.index(marked)

    message = error_at(statement, position, "INVALID_FIELD", "why").message

    caret = " " * excerpt.index(marked) + "^"
    assert message == f"\n{excerpt}\n{caret}\nERROR at Row:1:Column:{position + 1}\nwhy"


def test_the_row_counts_from_one_and_the_excerpt_stays_in_it():
    statement = "SELECT Id\nFROM Account\nWHERE = 1"

    message = error_at(statement, statement.index("="), "MALFORMED_QUERY", "why").message

    assert message == "\nWHERE = 1\n      ^\nERROR at Row:3:Column:7\nwhy"
