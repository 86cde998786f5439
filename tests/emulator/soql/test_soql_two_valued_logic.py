"""SOQL knows true and false only: compiled conditions against a model that reads row by row."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.ids import make_id

FIELDS = ("Name", "Rating", "NumberOfEmployees", "AnnualRevenue", "CreatedDate", "IsDeleted")
NOW = datetime(2026, 5, 15, 12)

texts = st.sampled_from([None, "a", "A", "ab", "b%", "B_", "é"])
numbers = st.sampled_from([None, -1, 0, 1, 2])
moments = st.one_of(
    st.none(),
    st.integers(-100, 100).map(lambda hours: NOW + timedelta(hours=hours)),
)
rows = st.fixed_dictionaries(
    {
        "Name": texts,
        "Rating": texts,
        "NumberOfEmployees": numbers,
        "AnnualRevenue": numbers.map(lambda n: None if n is None else Decimal(n)),
        "CreatedDate": moments,
        "IsDeleted": st.booleans(),
    }
)

# A condition is its SOQL and the function that tells whether a row fulfils it.
ORDERINGS = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _fold(value):
    return value.upper() if isinstance(value, str) else value


def _literal(value) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC).isoformat()
    return str(value)


def _compared(field, operator, value):
    def holds(row):
        left, right = _fold(row[field]), _fold(value)
        if operator == "=":
            return left == right
        if operator == "!=":
            return left != right
        return left is not None and right is not None and ORDERINGS[operator](left, right)

    return f"{field} {operator} {_literal(value)}", holds


def _member(field, values, negated):
    def holds(row):
        return (_fold(row[field]) in [_fold(value) for value in values]) != negated

    listed = ", ".join(_literal(value) for value in values)
    return f"{field} {'NOT IN' if negated else 'IN'} ({listed})", holds


def _starts(field, text):
    return (
        f"{field} LIKE '{text}%'",
        lambda row: (row[field] or "").upper().startswith(text.upper()) and row[field] is not None,
    )


def _today(operator):
    start, end = datetime(2026, 5, 15, 7), datetime(2026, 5, 16, 7)  # Los Angeles, UTC-7
    inside = {
        "=": lambda at: start <= at < end,
        "<": lambda at: at < start,
        "<=": lambda at: at < end,
        ">": lambda at: at >= end,
        ">=": lambda at: at >= start,
    }[operator]
    return (
        f"CreatedDate {operator} TODAY",
        lambda row: row["CreatedDate"] is not None and inside(row["CreatedDate"]),
    )


def _flag(operator, value):
    wanted = bool(value) == (operator == "=")
    return f"IsDeleted {operator} {_literal(value)}", lambda row: row["IsDeleted"] == wanted


operators = st.sampled_from(["=", "!=", *ORDERINGS])
text_fields, number_fields = (
    st.sampled_from(["Name", "Rating"]),
    st.sampled_from(["NumberOfEmployees", "AnnualRevenue"]),
)
comparisons = st.one_of(
    st.builds(_compared, text_fields, operators, texts),
    st.builds(_compared, number_fields, operators, numbers),
    st.builds(_compared, st.just("CreatedDate"), operators, moments),
    st.builds(_member, text_fields, st.lists(texts, min_size=1, max_size=3), st.booleans()),
    st.builds(_member, number_fields, st.lists(numbers, min_size=1, max_size=3), st.booleans()),
    st.builds(_starts, text_fields, st.sampled_from(["a", "B", "é"])),
    st.builds(_today, st.sampled_from(["=", *ORDERINGS])),
    st.builds(_flag, st.sampled_from(["=", "!="]), st.sampled_from([True, False, None])),
)


def _negated(condition):
    return f"NOT ({condition[0]})", lambda row: not condition[1](row)


def _joined(word, every, conditions):
    text = f" {word} ".join(f"({text})" for text, _ in conditions)
    return text, lambda row: every(holds(row) for _, holds in conditions)


conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        inner.map(_negated),
        st.lists(inner, min_size=2, max_size=3).map(lambda c: _joined("AND", all, c)),
        st.lists(inner, min_size=2, max_size=3).map(lambda c: _joined("OR", any, c)),
    ),
    max_leaves=8,
)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(rows, min_size=1, max_size=6), st.lists(conditions, min_size=1, max_size=4))
def test_a_condition_is_true_or_false_for_every_row_and_never_unknown(bare_org, rows, conditions):
    bare_org.connection.execute('DELETE FROM "Account"')
    for number, row in enumerate(rows):
        bare_org.insert("Account", Id=make_id("001", number), **row)

    for text, holds in conditions:
        found = set(bare_org.values(f"SELECT Id FROM Account WHERE {text}"))

        assert found == {make_id("001", i) for i, row in enumerate(rows) if holds(row)}, text
