"""Whatever tree is written as SOQL, the parser reads the same tree."""

from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.soql.nodes import (
    And,
    BooleanValue,
    Call,
    Comparison,
    DateLiteral,
    DateTimeValue,
    DateValue,
    FieldPath,
    FieldsFunction,
    Includes,
    InList,
    InQuery,
    Not,
    NullValue,
    NumberValue,
    Or,
    OrderItem,
    Query,
    SelectExpression,
    Source,
    StringValue,
    Subquery,
    TypeBranch,
    TypeOf,
)
from emulator.soql.parser import parse

# Among them words that are keywords elsewhere: the parser must tell by the place.
names = st.sampled_from(["Id", "Name", "Foo__c", "Owner", "ns__X__r", "Order", "Group", "Fields"])
paths = st.lists(names, min_size=1, max_size=6).map(lambda parts: FieldPath(tuple(parts)))
path_lists = st.lists(paths, min_size=1, max_size=3).map(tuple)
calls = st.builds(
    Call,
    st.sampled_from(["SUM", "COUNT", "CALENDAR_YEAR"]),
    st.one_of(st.none(), paths, st.builds(Call, st.just("CONVERTTIMEZONE"), paths)),
)
expressions = st.one_of(paths, paths, calls)
aliases = st.one_of(st.none(), st.sampled_from(["a", "total"]))

characters = st.sampled_from(["a", "%", "_", " ", "\\'", "\\\\", "\\n", "\\u00e9", "é", '"'])
values = st.one_of(
    st.lists(characters, max_size=5).map(lambda parts: StringValue("".join(parts))),
    st.sampled_from(["0", "-1", "1.5", "-.5", "2e3"]).map(NumberValue),
    st.booleans().map(BooleanValue),
    st.just(NullValue()),
    st.dates().map(lambda day: DateValue(day.isoformat())),
    st.sampled_from(["2026-01-01T00:00:00Z", "1999-12-31T23:59:59.5-08:00"]).map(DateTimeValue),
    st.sampled_from(["TODAY", "THIS_FISCAL_QUARTER", "LAST_90_DAYS"]).map(DateLiteral),
    st.builds(DateLiteral, st.just("N_WEEKS_AGO"), st.integers(0, 9999)),
)
value_lists = st.lists(values, min_size=1, max_size=3).map(tuple)
operators = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "LIKE"])
sources = st.builds(Source, names.map(lambda name: (name,)), aliases)
plain_queries = st.builds(
    lambda path, source: Query(select=(SelectExpression(path),), source=source), paths, sources
)
comparisons = st.one_of(
    st.builds(Comparison, expressions, operators, values),
    st.builds(InList, expressions, value_lists, st.booleans()),
    st.builds(Includes, expressions, value_lists, st.booleans()),
    st.builds(InQuery, expressions, plain_queries, st.booleans()),
)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
    ),
    max_leaves=6,
)
select_items = st.one_of(
    st.builds(SelectExpression, expressions, aliases),
    st.builds(FieldsFunction, st.sampled_from(["ALL", "STANDARD", "CUSTOM"])),
    st.builds(Subquery, plain_queries),
    st.builds(
        TypeOf,
        paths,
        st.lists(st.builds(TypeBranch, names, path_lists), min_size=1, max_size=3).map(tuple),
        st.one_of(st.just(()), path_lists),
    ),
)
groupings = st.one_of(
    st.just(("", ())),
    st.tuples(
        st.sampled_from(["", "ROLLUP", "CUBE"]),
        st.lists(expressions, min_size=1, max_size=3).map(tuple),
    ),
)
queries = st.builds(
    lambda grouping, **clauses: Query(subtotals=grouping[0], group_by=grouping[1], **clauses),
    groupings,
    select=st.lists(select_items, min_size=1, max_size=4).map(tuple),
    source=sources,
    scope=st.one_of(st.none(), st.sampled_from(["mine", "everything"])),
    where=st.one_of(st.none(), conditions),
    having=st.one_of(st.none(), conditions),
    order_by=st.lists(
        st.builds(OrderItem, expressions, st.booleans(), st.booleans()), max_size=2
    ).map(tuple),
    limit=st.one_of(st.none(), st.integers(0, 60_000)),
    offset=st.one_of(st.none(), st.integers(0, 60_000)),
    touches=st.sampled_from([(), ("VIEW",), ("REFERENCE",)]),
)
spaces = st.sampled_from([" ", "\n", "  \t"])


def written(node) -> list[str]:
    """The words of a node."""
    match node:
        case FieldPath(parts):
            return [".".join(parts)]
        case Call(name, argument):
            return [f"{name}(", *(written(argument) if argument else []), ")"]
        case StringValue(raw):
            return [f"'{raw}'"]
        case NumberValue(text) | DateValue(text) | DateTimeValue(text):
            return [text]
        case BooleanValue(value):
            return [str(value)]
        case NullValue():
            return ["null"]
        case DateLiteral(name, count):
            return [name if count is None else f"{name}:{count}"]
        case Comparison(left, operator, value):
            return [*written(left), operator, *written(value)]
        case InList(left, values, negated):
            return [*written(left), *(["NOT"] if negated else []), "IN", *_listed(values)]
        case Includes(left, values, negated):
            return [*written(left), "EXCLUDES" if negated else "INCLUDES", *_listed(values)]
        case InQuery(left, query, negated):
            inner = ["(", *written(query), ")"]
            return [*written(left), *(["NOT"] if negated else []), "IN", *inner]
        case Not(operand):
            return ["NOT", "(", *written(operand), ")"]
        case And(operands) | Or(operands):
            word = "AND" if isinstance(node, And) else "OR"
            return _separated([["(", *written(one), ")"] for one in operands], word)
        case SelectExpression(expression, alias):
            return [*written(expression), *([alias] if alias else [])]
        case FieldsFunction(group):
            return ["FIELDS", "(", group, ")"]
        case Subquery(query):
            return ["(", *written(query), ")"]
        case TypeOf(reference, branches, otherwise):
            words = ["TYPEOF", *written(reference)]
            for branch in branches:
                words += ["WHEN", branch.type_name, "THEN", *_paths(branch.fields)]
            return [*words, *(["ELSE", *_paths(otherwise)] if otherwise else []), "END"]
        case Source(path, alias):
            return [".".join(path), *([alias] if alias else [])]
        case OrderItem(expression, descending, nulls_last):
            direction = ["DESC" if descending else "ASC"]
            return [*written(expression), *direction, "NULLS", "LAST" if nulls_last else "FIRST"]
        case Query():
            return _written_query(node)
    raise TypeError(type(node))


def _written_query(query: Query) -> list[str]:
    words = ["SELECT", *_separated([written(item) for item in query.select], ",")]
    words += ["FROM", *written(query.source)]
    words += ["USING", "SCOPE", query.scope] if query.scope else []
    words += ["WHERE", *written(query.where)] if query.where else []
    if query.group_by:
        listed = _separated([written(one) for one in query.group_by], ",")
        words += ["GROUP", "BY"]
        words += [query.subtotals, "(", *listed, ")"] if query.subtotals else listed
    words += ["HAVING", *written(query.having)] if query.having else []
    if query.order_by:
        words += ["ORDER", "BY", *_separated([written(one) for one in query.order_by], ",")]
    words += ["LIMIT", str(query.limit)] if query.limit is not None else []
    words += ["OFFSET", str(query.offset)] if query.offset is not None else []
    for touch in query.touches:
        words += ["FOR", touch]
    return words


def _separated(parts: list[list[str]], separator: str) -> list[str]:
    words = list(parts[0])
    for part in parts[1:]:
        words += [separator, *part]
    return words


def _paths(fields) -> list[str]:
    return _separated([written(one) for one in fields], ",")


def _listed(values) -> list[str]:
    return ["(", *_separated([written(value) for value in values], ","), ")"]


@settings(max_examples=150, deadline=None)
@given(queries, spaces)
def test_a_tree_survives_being_written_and_read(query, space):
    assert parse(space.join(written(query))) == query


@settings(max_examples=40, deadline=None)
@given(queries)
def test_every_position_is_where_the_part_begins(query):
    text = " ".join(written(query))

    read = parse(text)

    for item in read.select:
        if isinstance(item, SelectExpression) and isinstance(item.expression, FieldPath):
            assert text[item.position :].startswith(str(item.expression))
    assert text[read.source.position :].startswith(read.source.path[0])
