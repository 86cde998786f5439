"""Values become the text that Salesforce takes, exactly; what doesn't fit is told."""

import os
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.salesforce.load_cells import render_cells
from resources.salesforce.load_columns import LoadColumn
from tests.resources.salesforce.described import described, field

EXAMPLES = settings(max_examples=int(os.environ.get("TIDEGATE_EXAMPLES", "60")), deadline=None)
TYPES = {
    "text": field("F", "string", length=20),
    "long": field("F", "textarea", length=32000),
    "number": field("F", "currency", precision=18, scale=2),
    "int": field("F", "int", digits=9),
    "boolean": field("F", "boolean", nillable=False),
    "date": field("F", "date"),
    "datetime": field("F", "datetime"),
    "time": field("F", "time"),
    "multipicklist": field("F", "multipicklist", length=4099),
    "reference": field("F", "reference", referenceTo=["Account"], relationshipName="R"),
}


def rendered(values, kind, nulls="leave", arrow_type=None):
    """What becomes of one column."""
    column = LoadColumn("F", described(TYPES[kind]).field("F"), None, nulls)
    return render_cells(pa.record_batch({"F": pa.array(values, arrow_type)}), [column])


def cells(*args, **kwargs):
    found, problems = rendered(*args, **kwargs)
    assert problems == []
    return found.column("F").to_pylist()


def warehouse_rows(query):
    """What the warehouse answers: it knows moments that Python doesn't."""
    with duckdb.connect() as tables:
        [batch] = tables.sql(query).to_arrow_table().to_batches()
        return batch


def problem(*args, **kwargs):
    _, (only,) = rendered(*args, **kwargs)
    return only.kind, only.rows, only.examples


@pytest.mark.parametrize(
    ("values", "kind", "text"),
    [
        (
            [Decimal("12.50"), Decimal("-0.10"), Decimal("0.00"), Decimal("100.00")],
            "number",
            ["12.5", "-0.1", "0", "100"],
        ),
        ([7, -3, 2**40], "number", ["7", "-3", "1099511627776"]),
        (
            [0.1, 1e15, 7.0, -0.0, 1e-7],
            "number",
            ["0.1", "1000000000000000", "7", "0", "0.0000001"],
        ),
        (["+1.50", " 2 ", "1e3", "007", "5."], "number", ["1.5", "2", "1000", "7", "5"]),
        ([7.0, 12.0], "int", ["7", "12"]),
        ([True, False], "boolean", ["true", "false"]),
        (["TRUE", "0", "False"], "boolean", ["true", "false", "false"]),
        ([date(2024, 2, 29)], "date", ["2024-02-29"]),
        ([datetime(2024, 2, 29)], "date", ["2024-02-29"]),
        (["2024-02-29"], "date", ["2024-02-29"]),
        ([datetime(2024, 2, 29, 13, 4, 5, 678999)], "datetime", ["2024-02-29T13:04:05.678Z"]),
        ([date(2024, 2, 29)], "datetime", ["2024-02-29T00:00:00.000Z"]),
        (
            ["2024-02-29T13:04:05+02:00", "2024-02-29 13:04:05.5"],
            "datetime",
            ["2024-02-29T11:04:05.000Z", "2024-02-29T13:04:05.500Z"],
        ),
        ([time(10, 0, 1, 2345)], "time", ["10:00:01.002Z"]),
        (["10:00:01", "10:00:01.5Z"], "time", ["10:00:01.000Z", "10:00:01.500Z"]),
        ([["a", "b c"], ["x"]], "multipicklist", ["a;b c", "x"]),
        (["a;b"], "multipicklist", ["a;b"]),
        (
            ["001000000000001AAA", "001000000000001"],
            "reference",
            ["001000000000001AAA", "001000000000001"],
        ),
        ([1001, 7], "text", ["1001", "7"]),
        ([Decimal("12.50")], "text", ["12.50"]),
        ([Decimal("0.000000001")], "text", ["0.000000001"]),
        (
            ["NA", "NULL", "nan", "007", "None", "12345678901234567"],
            "text",
            ["NA", "NULL", "nan", "007", "None", "12345678901234567"],
        ),
    ],
)
def test_values_have_one_exact_text(values, kind, text):
    assert cells(values, kind) == text


def test_moments_of_any_zone_and_unit_are_sent_in_utc():
    moment = datetime(2024, 7, 1, 12, 0, 0, 1000, tzinfo=ZoneInfo("Europe/Berlin"))

    for unit in ("ms", "us", "ns"):
        zoned = pa.timestamp(unit, "Europe/Berlin")
        assert cells([moment], "datetime", arrow_type=zoned) == ["2024-07-01T10:00:00.001Z"]


@pytest.mark.parametrize("empty", [None, ""])
def test_nulls_and_empty_text_follow_the_policy(empty):
    assert cells([empty, "x"], "text", "leave") == ["", "x"]
    assert cells([empty, "x"], "text", "clear") == ["#N/A", "x"]


def test_an_empty_list_follows_the_policy():
    assert cells([[], None, ["a"]], "multipicklist", "clear") == ["#N/A", "#N/A", "a"]


def test_a_column_of_nulls_only_has_no_type_and_is_fine():
    assert cells([None, None], "number", "clear") == ["#N/A", "#N/A"]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (["#N/A", "x"], "text", ("null_marker", 1, ("#N/A",))),
        (["x" * 21, "x" * 20], "text", ("too_long", 1, ("x" * 21,))),
        ([Decimal(10) ** 16, 10**16 - 1], "number", ("too_many_digits", 1, ("10000000000000000",))),
        (["0.1234567890123456789"], "number", ("too_many_digits", 1, ("0.1234567890123456789",))),
        (["twelve", "1.."], "number", ("wrong_type", 2, ("twelve", "1.."))),
        (["1_000", "1_0.5"], "number", ("wrong_type", 2, ("1_000", "1_0.5"))),
        (["1_000"], "int", ("wrong_type", 1, ("1_000",))),
        ([float("nan"), float("inf")], "number", ("wrong_type", 2, ("nan", "inf"))),
        ([1.5, 2.0], "int", ("wrong_type", 1, ("1.5",))),
        ([10**9], "int", ("too_many_digits", 1, ("1000000000",))),
        (["yes"], "boolean", ("wrong_type", 1, ("yes",))),
        (["2024-02-30", "29.2.2024"], "date", ("wrong_type", 2, ("2024-02-30", "29.2.2024"))),
        ([datetime(2024, 1, 1, 0, 0, 1)], "date", ("wrong_type", 1, ("2024-01-01 00:00:01",))),
        (
            [date(1699, 12, 31), date(4001, 1, 1)],
            "date",
            ("date_out_of_range", 2, ("1699-12-31", "4001-01-01")),
        ),
        (
            ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+01:00"],
            "datetime",
            ("date_out_of_range", 2, ("9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+01:00")),
        ),
        (["soon"], "datetime", ("wrong_type", 1, ("soon",))),
        (["25:00"], "time", ("wrong_type", 1, ("25:00",))),
        ([["a;b"]], "multipicklist", ("separator_in_value", 1, ("['a;b']",))),
        (["001"], "reference", ("malformed_id", 1, ("001",))),
        ([1.5], "text", ("wrong_type", 1, ("1.5",))),
    ],
)
def test_a_value_that_does_not_fit_is_a_problem_with_examples(values, kind, expected):
    assert problem(values, kind) == expected


@pytest.mark.parametrize("kind", ["date", "datetime", "long"])
@pytest.mark.parametrize(
    "value",
    [
        "'infinity'::DATE",
        "DATE '10000-01-01'",
        "DATE '0044-03-15 (BC)'",
        "'infinity'::TIMESTAMP",
        "'-infinity'::TIMESTAMP_S",
        "'infinity'::TIMESTAMP_MS",
        "'infinity'::TIMESTAMP_NS",
        "'-infinity'::TIMESTAMP_NS",
        "'-infinity'::TIMESTAMPTZ",
        "TIMESTAMP '10000-01-01'",
        "TIMESTAMPTZ '10000-01-01 00:00:00+00'",
        "TIMESTAMPTZ '0044-03-15 (BC) 00:00:00+00'",
    ],
)
def test_a_moment_that_python_does_not_know_is_refused_and_the_others_are_sent(kind, value):
    column = LoadColumn("F", described(TYPES[kind]).field("F"), None, "clear")
    batch = warehouse_rows(f"SELECT unnest([{value}, '2024-02-29', NULL]) AS F")

    found, [problem] = render_cells(batch, [column])

    assert (problem.kind, problem.row_numbers) == ("date_out_of_range", (0,))
    assert len(problem.examples) == 1
    refused, sent, cleared = found.column("F").to_pylist()
    assert (refused, sent[:10], cleared) == ("", "2024-02-29", "#N/A")


def test_text_holds_the_first_and_the_last_year_that_has_four_digits():
    moments = cells([datetime.min, datetime.max], "long")

    assert cells([date.min, date.max], "long") == ["0001-01-01", "9999-12-31"]
    assert moments == ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"]


def test_null_cannot_clear_a_field_that_is_never_null():
    assert problem([True, None], "boolean", "clear")[:2] == ("null_not_allowed", 1)
    assert cells([True, None], "boolean", "leave") == ["true", ""]


def test_a_value_that_cannot_be_written_never_clears_the_field():
    found, problems = rendered(["3", None, "twelve"], "number", "clear", pa.string())

    assert found.column("F").to_pylist() == ["3", "#N/A", ""]
    assert problems[0].row_numbers == (2,)


def test_a_parents_external_id_is_typed_and_measured_by_the_parents_field():
    order = described(TYPES["reference"]).field("F")
    parent = described(field("ERP_Id__c", "string", length=5, externalId=True)).field("ERP_Id__c")
    column = LoadColumn("R.ERP_Id__c", order, parent, "leave")

    found, problems = render_cells(pa.record_batch({"R.ERP_Id__c": ["C-1", "C-1234"]}), [column])

    assert found.column(0).to_pylist() == ["C-1", "C-1234"]
    assert [(p.kind, p.rows) for p in problems] == [("too_long", 1)]


def test_a_problem_says_what_the_field_allows():
    _, (problem,) = rendered(["a" * 21, "ok"], "text")

    assert problem.cause == "are longer than the 20 characters of the field"


@pytest.mark.parametrize(
    ("kind", "digits", "said"), [("int", 9, "9"), ("int", 0, "10"), ("long", 15, "15")]
)
def test_a_whole_number_that_is_too_long_says_its_fields_digits(kind, digits, said):
    column = LoadColumn("F", described(field("F", kind, digits=digits)).field("F"))

    _, [problem] = render_cells(pa.record_batch({"F": [10**17]}), [column])

    assert problem.cause == f"have more digits than the field ({said})"


@EXAMPLES
@given(st.lists(st.decimals(-(10**15), 10**15, places=2, allow_nan=False) | st.none(), max_size=20))
def test_decimals_keep_every_digit(values):
    text = cells(values, "number", arrow_type=pa.decimal128(20, 2))

    assert [Decimal(cell) if cell else None for cell in text] == values
    assert not any("E" in cell for cell in text)


@EXAMPLES
@given(st.lists(st.datetimes(datetime(1700, 1, 1), datetime(4000, 12, 31)), max_size=20))
def test_moments_keep_every_millisecond(values):
    text = cells(values, "datetime", arrow_type=pa.timestamp("us"))

    expected = [v.replace(microsecond=v.microsecond // 1000 * 1000, tzinfo=UTC) for v in values]
    assert [datetime.fromisoformat(cell) for cell in text] == expected


@EXAMPLES
@given(st.lists(st.text(max_size=20) | st.none(), max_size=20))
def test_text_stays_as_it_is(values):
    found, _ = rendered(values, "text", arrow_type=pa.string())

    assert found.column("F").to_pylist() == [value or "" for value in values]
