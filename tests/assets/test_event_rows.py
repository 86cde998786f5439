"""Rows of files become rows of an event, or are refused with what is wrong and where."""

import io
import json
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.errors import EventRowsError
from assets.event_rows import event_rows

EVENT = "Order_Event__e"
MOMENT = pa.timestamp("ms", "UTC")
TYPES = {
    "CreatedDate": MOMENT,
    "Order_Id__c": pa.string(),
    "Amount__c": pa.float64(),
    "Paid__c": pa.bool_(),
    "Due__c": pa.date32(),
    "Sent__c": MOMENT,
}


def rows(body, form="json"):
    return event_rows(body if isinstance(body, bytes) else body.encode(), form, EVENT, TYPES)


def problem(body, form="json"):
    with pytest.raises(EventRowsError) as caught:
        rows(body, form)
    return caught.value.problem


def parquet(**columns):
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


TYPED = {
    "Order_Id__c": "007",
    "Amount__c": 1.5,
    "Paid__c": False,
    "Due__c": date(2026, 9, 1),
    "Sent__c": datetime(2026, 9, 1, 10, tzinfo=UTC),
}


@pytest.mark.parametrize(
    ("form", "body"),
    [
        (
            "json",
            b'{"Order_Id__c": "007", "Amount__c": 1.5, "Paid__c": false, "Due__c": "2026-09-01", '
            b'"Sent__c": "2026-09-01T10:00:00Z"}',
        ),
        (
            "csv",
            b"Order_Id__c,Amount__c,Paid__c,Due__c,Sent__c\r\n"
            b"007,1.5,false,2026-09-01,2026-09-01T12:00:00.000+0200\r\n",
        ),
        ("parquet", parquet(**{name: [value] for name, value in TYPED.items()})),
        (
            "parquet",
            parquet(
                Order_Id__c=pa.array(["007"], pa.large_string()),
                Amount__c=["1.5"],
                Paid__c=["false"],
                Due__c=["2026-09-01"],
                Sent__c=["2026-09-01T10:00:00Z"],
            ),
        ),
    ],
)
def test_values_get_the_types_of_their_fields(form, body):
    assert rows(body, form).to_pylist() == [TYPED]


@pytest.mark.parametrize(
    "body",
    [
        '[{"Order_Id__c": "1"}, {"Amount__c": 2}]',
        '{"Order_Id__c": "1"}\n{"Amount__c": 2}\n',
        '\ufeff{"Order_Id__c": "1"}\r\n\r\n{"Amount__c": 2}',
        '{\n  "Order_Id__c": "1"\n}\n{\n  "Amount__c": 2\n}\n',
    ],
    ids=["a list", "lines", "lines of another system", "objects over several lines"],
)
def test_json_may_be_a_list_or_objects_and_what_a_row_lacks_is_null(body):
    assert rows(body).to_pylist() == [
        {"Order_Id__c": "1", "Amount__c": None},
        {"Order_Id__c": None, "Amount__c": 2.0},
    ]


@pytest.mark.parametrize(("form", "body"), [("json", ""), ("json", "[]"), ("csv", "Paid__c\n")])
def test_a_file_without_rows_has_none(form, body):
    assert rows(body, form).num_rows == 0


def test_texts_of_csv_stay_as_they_are():
    body = '\ufeffOrder_Id__c\n0042\nNA\nnull\n"a, ""b""\nc"\n" "\n12345678901234567890\n'

    assert rows(body, "csv")["Order_Id__c"].to_pylist() == [
        "0042",
        "NA",
        "null",
        'a, "b"\nc',
        " ",
        "12345678901234567890",
    ]


def test_a_value_longer_than_a_megabyte_is_read():
    long = "x" * 3_000_000

    assert rows(f"Order_Id__c,Paid__c\n{long},true\n", "csv")["Order_Id__c"].to_pylist() == [long]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_any_text_arrives_unchanged_by_json_and_by_csv(texts):
    quoted = [text.replace('"', '""') for text in texts]
    csv = "Order_Id__c,Paid__c\n" + "".join(f'"{text}",\n' for text in quoted)
    lines = "".join(json.dumps({"Order_Id__c": text}, ensure_ascii=False) + "\n" for text in texts)

    assert rows(csv, "csv")["Order_Id__c"].to_pylist() == texts
    assert rows(lines)["Order_Id__c"].to_pylist() == texts


@pytest.mark.parametrize("form", ["json", "csv", "parquet"])
def test_a_column_that_is_no_field_is_named_with_the_nearest_that_is(form):
    body = {
        "json": '[{"Paid__c": true}, {"Ordr_Id__c": "1"}]',
        "csv": "Paid__c,Ordr_Id__c\n",
        "parquet": parquet(Ordr_Id__c=["1"]),
    }[form]

    assert problem(body, form) == (
        "Order_Event__e has no field Ordr_Id__c (did you mean Order_Id__c?); it has CreatedDate, "
        "Order_Id__c, Amount__c, Paid__c, Due__c, Sent__c"
    )


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("Order_Id__c", 7, "text"),
        ("Order_Id__c", {"secret": 1}, "text"),
        ("Amount__c", "1.5", "a number"),
        ("Amount__c", True, "a number"),
        ("Amount__c", 2**53 + 1, "a number"),
        ("Paid__c", "true", "true or false"),
        ("Due__c", "01.09.2026", "a day, as 2026-09-01"),
        ("Sent__c", "2026-09-01T10:00:00", "a moment with its zone, as 2026-09-01T10:00:00Z"),
        ("Sent__c", 1_788_228_000_000, "a moment with its zone, as 2026-09-01T10:00:00Z"),
    ],
)
def test_a_value_of_json_that_is_not_of_its_type_is_named_by_row_and_not_shown(name, value, wanted):
    body = json.dumps([{name: None}, {name: value}])

    assert problem(body) == f"{name} of row 2 isn't {wanted}"


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("Amount__c", "1,5", "a number"),
        ("Paid__c", "yes", "true or false"),
        ("Due__c", "2026-09-31", "a day, as 2026-09-01"),
        ("Sent__c", "2026-09-01", "a moment with its zone, as 2026-09-01T10:00:00Z"),
    ],
)
def test_a_text_of_csv_that_is_not_of_its_type_is_named_by_row_and_not_shown(name, value, wanted):
    body = f'{name},Order_Id__c\n,1\n"{value}",2\n'

    assert problem(body, "csv") == f"{name} of row 2 isn't {wanted}"


@pytest.mark.parametrize(
    ("form", "body", "said"),
    [
        ("json", '{"Order_Id__c": "secret"', "it isn't JSON: Expecting ',' delimiter: line 1"),
        ("json", '{"Amount__c": NaN}', "NaN is no number"),
        ("json", '["secret"]', "a row of JSON is an object"),
        ("json", "[{}, {}]", "its rows have no fields"),
        ("json", b'{"Order_Id__c": "\xff"}', "its text isn't UTF-8, at byte 17"),
        ("csv", "", "a CSV begins with a line of names"),
        ("csv", 'Order_Id__c\n"secret\n', "it ends within a quoted value: was it cut off?"),
        ("csv", "Paid__c,Paid__c\n", "Paid__c stands in it more than once"),
        (
            "csv",
            "Order_Id__c,Paid__c\n1,true\n2,true,secret\n",
            "line 3 (without empty ones) has 3 values and the header has 2",
        ),
        ("parquet", b"", "it isn't Parquet"),
        ("parquet", parquet(Paid__c=[True])[:-9], "it isn't Parquet"),
    ],
)
def test_a_file_that_is_not_of_its_format_says_why_and_shows_no_value(form, body, said):
    found = problem(body, form)

    assert said in found
    assert "secret" not in found
