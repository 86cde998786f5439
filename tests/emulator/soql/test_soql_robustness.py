"""Any text is answered or refused; what is accepted runs."""

import contextlib
import re

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from emulator.soql import SoqlError, parse

STRINGS = ["'x'", "''", "null", "'A%'"]
IDS = ["'001Td0000000001AAA'", "''", "null"]
DOUBLES = ["0", "-1.5", "1e40", "99999999999999999999", "null"]
DATETIMES = ["2026-01-01T00:00:00Z", "TODAY", "LAST_N_QUARTERS:3", "null"]
# Fields, the values that fit them, and the same for functions in WHERE.
OPERANDS = {
    "Id": IDS,
    "OwnerId": IDS,
    "Name": STRINGS,
    "Industry": STRINGS,
    "Parent.Name": STRINGS,
    "Parent.Owner.Name": STRINGS,
    "AnnualRevenue": DOUBLES,
    "BillingLatitude": DOUBLES,
    "NumberOfEmployees": ["0", "-7", "null"],
    "CreatedDate": DATETIMES,
    "Parent.Owner.CreatedDate": DATETIMES,
    "LastActivityDate": ["2026-01-01", "NEXT_90_DAYS", "null"],
    "IsDeleted": ["true", "false", "null"],
    "Owner.IsActive": ["true", "false", "null"],
    "CALENDAR_YEAR(CreatedDate)": ["2026", "null"],
    "DAY_ONLY(convertTimezone(CreatedDate))": ["2026-01-01", "YESTERDAY"],
}
PATHS = [name for name in OPERANDS if "(" not in name]
UNFIT = ["Foo", "Description", "BillingAddress", "SUM(Name)", "Owner.Foo.Name"]
GROUPS = ["Name", "Industry", "OwnerId", "Parent.Name", "IsDeleted", "CALENDAR_YEAR(CreatedDate)"]
AGGREGATES = ["COUNT(Id)", "COUNT_DISTINCT(Name)", "SUM(AnnualRevenue)", "MIN(Industry)"]
AGGREGATES += ["AVG(NumberOfEmployees)", "MAX(CreatedDate)", "MAX(Parent.Name)"]
WORDS = ["SELECT", "FROM", "WHERE", "Id", "Account", "(", ")", ",", ".", "'x'", "=", "IN"]
WORDS += ["NOT", "AND", "OR", "COUNT", "FIELDS", "ALL", "GROUP", "BY", "LIMIT", "1", "FOR", ":"]


@st.composite
def comparisons(draw):
    operand = draw(st.sampled_from([*OPERANDS, "Name", "Industry", *UNFIT]))
    values = st.sampled_from(OPERANDS.get(operand, ["'x'"]))
    if draw(st.booleans()):
        operator = draw(st.sampled_from(["=", "!=", "=", "!=", "<", ">=", "LIKE"]))
        return f"{operand} {operator} {draw(values)}"
    operator = draw(st.sampled_from(["IN", "NOT IN"]))
    return f"{operand} {operator} ({draw(values)}, {draw(values)})"


conditions = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        inner.map("NOT ({})".format),
        st.builds("({}) AND ({})".format, inner, inner),
        st.builds("({}) OR ({})".format, inner, inner),
    ),
    max_leaves=3,
)
wheres = st.one_of(st.just(""), conditions.map(" WHERE {}".format))
limits = st.sampled_from(["", " LIMIT 3", " LIMIT 0", " LIMIT 3 OFFSET 1"])


def _listed(names):
    return st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True).map(", ".join)


row_statements = st.builds(
    "SELECT {} FROM Account{} ORDER BY {} DESC NULLS LAST{}".format,
    _listed([*PATHS, "BillingAddress", "PhotoUrl", "(SELECT Id FROM Contacts LIMIT 1)"]),
    wheres,
    st.sampled_from(PATHS),
    limits,
)
group_statements = st.builds(
    lambda keys, aggregates, where, limit: (
        f"SELECT {keys}, {aggregates} FROM Account{where} GROUP BY {keys} "
        f"HAVING COUNT(Id) > 0 ORDER BY {aggregates}, {keys}{limit}"
    ),
    _listed(GROUPS),
    _listed(AGGREGATES),
    wheres,
    limits,
)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(WORDS)).map(" ".join)))
def test_any_text_is_parsed_or_refused(text):
    with contextlib.suppress(SoqlError):
        parse(text)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.one_of(row_statements, group_statements))
def test_what_is_accepted_runs_and_its_total_is_its_number_of_rows(soql, statement):
    with contextlib.suppress(SoqlError):
        records = soql.records(statement)
        event("accepted")
        assert soql.total(statement) == len(records)
        # Without an order a limit may choose other rows each time.
        if soql.compile(statement).kind == "rows" and not re.search("LIMIT|OFFSET", statement):
            by_ids = soql.by_ids(statement)
            assert sorted(map(repr, by_ids)) == sorted(map(repr, records))
    with contextlib.suppress(SoqlError):
        assert soql.bulk(statement) is not None
