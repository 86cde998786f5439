"""Pages become typed batches: nothing guessed, nothing rounded, nothing lost."""

import csv
import io
import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.salesforce.arrow import arrow_schema, read_csv_page, read_json_page
from resources.salesforce.arrow_types import widened
from resources.salesforce.errors import (
    ColumnMismatchError,
    ConversionError,
    DigitsError,
    UnknownFieldError,
    UnselectableFieldError,
)
from tests.resources.salesforce.described import described, field

ORDER = described(
    field("Id", "id"),
    field("Name", "string"),
    field("Amount", "currency", precision=18, scale=2),
    field("Latitude", "double", precision=18, scale=15),
    field("Discount", "percent", precision=0, scale=3),
    field("Items", "int", digits=9),
    field("Serial", "long", digits=18),
    field("Paid", "boolean"),
    field("Due", "date"),
    field("SystemModstamp", "datetime"),
    field("Opens", "time"),
    field("Tags", "multipicklist"),
    field("Anything", "anyType"),
    field("BillingAddress", "address"),
    field("BillingCity", "string", compoundFieldName="BillingAddress"),
    field("BillingStreet", "textarea", compoundFieldName="BillingAddress"),
    field("Place__c", "location"),
    field("Body", "base64"),
)
COLUMNS = {
    "Id": pa.string(),
    "Name": pa.string(),
    "Amount": pa.decimal128(18, 2),
    "Latitude": pa.decimal128(18, 15),
    "Discount": pa.decimal128(18, 3),
    "Items": pa.int32(),
    "Serial": pa.int64(),
    "Paid": pa.bool_(),
    "Due": pa.date32(),
    "SystemModstamp": pa.timestamp("ms", "UTC"),
    "Opens": pa.time32("ms"),
    "Tags": pa.list_(pa.string()),
    "Anything": pa.string(),
}
SCHEMA = arrow_schema(ORDER, list(COLUMNS))
ROW = {
    "Id": "a00000000000001AAA",
    "Name": "007",
    "Amount": Decimal("1234567890123456.78"),
    "Latitude": Decimal("12.000000000000001"),
    "Discount": Decimal("0.125"),
    "Items": -7,
    "Serial": 123456789012345678,
    "Paid": True,
    "Due": date(2026, 2, 28),
    "SystemModstamp": datetime(2026, 2, 28, 7, 25, 37, 123000, tzinfo=UTC),
    "Opens": time(10, 30, 0, 250000),
    "Tags": ["a b", "c"],
    "Anything": "x",
}
CSV_ROW = {
    "Id": "a00000000000001AAA",
    "Name": "007",
    "Amount": "1234567890123456.78",
    "Latitude": "12.000000000000001",
    "Discount": "0.125",
    "Items": "-7.0",
    "Serial": "123456789012345678",
    "Paid": "true",
    "Due": "2026-02-28",
    "SystemModstamp": "2026-02-28T07:25:37.123Z",
    "Opens": "10:30:00.250Z",
    "Tags": "a b;c",
    "Anything": "x",
}
JSON_ROW = (
    '{"attributes":{"type":"Order__c"},"Id":"a00000000000001AAA","Name":"007",'
    '"Amount":1234567890123456.78,"Latitude":12.000000000000001,"Discount":0.125,"Items":-7,'
    '"Serial":123456789012345678,"Paid":true,"Due":"2026-02-28",'
    '"SystemModstamp":"2026-02-28T07:25:37.123+0000","Opens":"10:30:00.250Z","Tags":"a b;c",'
    '"Anything":"x"}'
)


def page(rows, columns, line_end="\n"):
    """A page as Bulk writes it: header, everything quoted."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=line_end)
    writer.writerow(columns)
    writer.writerows([row[name] for name in columns] for row in rows)
    return out.getvalue().encode()


def rows_of(body, schema=SCHEMA):
    return [row for batch in read_csv_page(body, schema) for row in batch.to_pylist()]


def json_page(*records):
    return f'{{"totalSize":1,"done":true,"records":[{",".join(records)}]}}'.encode()


def one_column(kind, **attributes):
    return arrow_schema(described(field("X", kind, **attributes)), ["X"])


def test_types_are_those_of_describe():
    assert {name: SCHEMA.field(name).type for name in SCHEMA.names} == COLUMNS


def test_columns_are_spelled_as_the_org_spells_them():
    assert arrow_schema(ORDER, ["ID", "systemmodstamp"]).names == ["Id", "SystemModstamp"]


def test_numbers_are_floats_by_setting_only():
    schema = arrow_schema(ORDER, ["Amount", "Items"], numbers="float")

    assert schema.types == [pa.float64(), pa.int32()]


def test_a_field_that_nobody_sees_is_named_with_the_nearest():
    with pytest.raises(UnknownFieldError, match="Did you mean Amount"):
        arrow_schema(ORDER, ["Ammount"])


@pytest.mark.parametrize(
    ("name", "parts"),
    [("BillingAddress", ("BillingCity", "BillingStreet")), ("Place__c", ()), ("Body", ())],
)
def test_compound_and_binary_fields_are_refused_with_their_parts(name, parts):
    with pytest.raises(UnselectableFieldError) as caught:
        arrow_schema(ORDER, [name])

    assert caught.value.parts == parts


def test_every_type_is_read_from_a_bulk_page():
    assert rows_of(page([CSV_ROW], list(COLUMNS))) == [ROW]


def test_every_type_is_read_from_a_rest_page():
    assert read_json_page(json_page(JSON_ROW), SCHEMA).to_pylist() == [ROW]


def test_empty_is_null_in_bulk():
    empty = dict.fromkeys(COLUMNS, "")

    assert rows_of(page([empty], list(COLUMNS))) == [dict.fromkeys(COLUMNS)]


def test_null_and_empty_are_null_in_rest():
    record = json.dumps(dict.fromkeys(COLUMNS) | {"Name": "", "Tags": ""})

    assert read_json_page(json_page(record), SCHEMA).to_pylist() == [dict.fromkeys(COLUMNS)]


@pytest.mark.parametrize(
    ("value", "text"),
    [("1.50", "1.50"), ("7", "7"), ("true", "true"), ('"NULL"', "NULL"), ('"1.5"', "1.5")],
)
def test_a_value_of_any_type_is_the_same_text_by_bulk_and_rest(value, text):
    schema = arrow_schema(ORDER, ["Anything"])

    by_rest = read_json_page(json_page(f'{{"Anything":{value}}}'), schema).to_pylist()

    assert by_rest == rows_of(page([{"Anything": text}], ["Anything"]), schema)


@pytest.mark.parametrize("body", [b'"N\xe4me"\n"x"\n', b'"X"\n"\xe4"\n'])
def test_bytes_that_are_not_utf_8_are_a_clear_error(body):
    with pytest.raises((ColumnMismatchError, ConversionError)):
        rows_of(body, one_column("string"))


def test_columns_may_come_in_another_order_and_spelling():
    names = [name.upper() for name in reversed(COLUMNS)]
    row = {name.upper(): value for name, value in CSV_ROW.items()}

    assert rows_of(page([row], names)) == [ROW]


def test_windows_line_ends_are_read():
    assert rows_of(page([CSV_ROW], list(COLUMNS), "\r\n")) == [ROW]


@pytest.mark.parametrize("text", ["NULL", "NA", "N/A", "nan", "#N/A", "null", "00", "1e5", "True"])
def test_text_that_looks_like_something_else_survives(text):
    assert rows_of(page([{"X": text}], ["X"]), one_column("string")) == [{"X": text}]


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
            st.text(st.sampled_from('a",\n\r;\\')),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_any_text_survives_a_bulk_page(rows):
    schema = arrow_schema(described(field("A", "string"), field("B", "textarea")), ["A", "B"])
    body = page([{"A": a, "B": b} for a, b in rows], ["A", "B"])

    assert rows_of(body, schema) == [{"A": a or None, "B": b or None} for a, b in rows]


@given(
    unscaled=st.integers(-(10**18) + 1, 10**18 - 1),
    moment=st.datetimes(datetime(1700, 1, 1), datetime(4000, 12, 31)),
)
def test_numbers_and_moments_are_the_same_by_bulk_and_rest(unscaled, moment):
    number = Decimal(unscaled).scaleb(-2)
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
    text = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}"
    text = text.zfill(23)
    schema = arrow_schema(ORDER, ["Amount", "SystemModstamp"])

    by_bulk = rows_of(
        page([{"Amount": str(number), "SystemModstamp": text + "Z"}], schema.names), schema
    )
    record = f'{{"Amount":{number},"SystemModstamp":"{text}+0000"}}'
    by_rest = read_json_page(json_page(record), schema).to_pylist()

    assert by_bulk == by_rest == [{"Amount": number, "SystemModstamp": moment}]


@pytest.mark.parametrize(
    ("kind", "attributes", "text"),
    [
        ("currency", {"precision": 18, "scale": 2}, "1.005"),
        ("currency", {"precision": 5, "scale": 2}, "12345.00"),
        ("int", {}, "7.5"),
        ("int", {}, "99999999999"),
        ("boolean", {}, "secret"),
        ("date", {}, "2026-13-01"),
        ("datetime", {}, "secret"),
        ("time", {}, "secret"),
        ("double", {"precision": 18, "scale": 2}, "secret"),
    ],
)
def test_a_value_that_does_not_fit_names_its_column_and_not_itself(kind, attributes, text):
    schema = one_column(kind, **attributes)
    value = text if kind in ("currency", "int") else json.dumps(text)

    for read in (
        lambda: rows_of(page([{"X": text}], ["X"]), schema),
        lambda: read_json_page(json_page(f'{{"X":{value}}}'), schema),
    ):
        with pytest.raises(ConversionError) as caught:
            read()
        assert caught.value.column == "X"
        assert text not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("precision", "scale", "number"),
    [
        (18, 2, "1234.5600000000002"),
        (18, 2, "0.0033333333333333335"),
        (18, 2, "1.2E-7"),
        (18, 0, "123456789012345678.5"),
        (5, 2, "12345.5"),
        (3, 0, "33.333333333333336"),
        (18, 15, "100000000000000000.5"),
    ],
)
def test_a_number_with_more_digits_than_described_fits_the_widened_column(precision, scale, number):
    schema = one_column("double", precision=precision, scale=scale)
    reads = (
        lambda schema: rows_of(page([{"X": "1"}, {"X": number}], ["X"]), schema),
        lambda schema: read_json_page(
            json_page('{"X":1}', f'{{"X":{number}}}'), schema
        ).to_pylist(),
    )

    for read in reads:
        with pytest.raises(DigitsError) as caught:
            read(schema)
        assert number not in str(caught.value)
        wide = widened(schema, caught.value.column)
        assert read(wide) == [{"X": Decimal(1)}, {"X": Decimal(number)}]


@pytest.mark.parametrize("number", ["1E-21", "1E40", "123456789012345678901234567890"])
def test_a_number_that_no_decimal_holds_is_an_error_with_the_way_out(number):
    wide = widened(one_column("double", precision=18, scale=2), "X")

    for read in (
        lambda: rows_of(page([{"X": number}], ["X"]), wide),
        lambda: read_json_page(json_page(f'{{"X":{number}}}'), wide),
    ):
        with pytest.raises(DigitsError, match="numbers: float"):
            read()
    assert widened(wide, "X") is None


@given(scale=st.integers(0, 18), whole=st.integers(0, 18))
def test_a_widened_column_holds_all_that_it_held(scale, whole):
    narrow = pa.decimal128(max(1, scale + whole), scale)

    wide = widened(pa.schema([("X", narrow)]), "X").field("X").type

    assert wide.scale >= narrow.scale
    assert wide.precision - wide.scale >= narrow.precision - narrow.scale


def test_columns_that_hold_no_decimals_are_not_widened():
    assert widened(one_column("int"), "X") is None


def test_a_row_with_missing_cells_is_an_error_without_its_values():
    schema = arrow_schema(described(field("A", "string"), field("B", "string")), ["A", "B"])

    with pytest.raises(ConversionError) as caught:
        rows_of(b'"A","B"\n"secret"\n', schema)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "missing", "unexpected"),
    [(["A"], ("B",), ()), (["A", "B", "C"], (), ("C",)), (["A", "C"], ("B",), ("C",))],
)
def test_a_page_of_other_columns_is_refused(header, missing, unexpected):
    schema = arrow_schema(described(field("A", "string"), field("B", "string")), ["A", "B"])

    with pytest.raises(ColumnMismatchError) as caught:
        rows_of(page([dict.fromkeys(header, "x")], header), schema)

    assert (caught.value.missing, caught.value.unexpected) == (missing, unexpected)


def test_a_rest_record_without_a_column_is_refused():
    with pytest.raises(ColumnMismatchError, match="lacks X"):
        read_json_page(json_page("{}"), one_column("string"))


@pytest.mark.parametrize("body", [b"", b'"X"', b'"X"\n', b'"X"\r\n'])
def test_pages_without_rows_yield_nothing(body):
    assert rows_of(body, one_column("string")) == []


def test_a_rest_page_without_rows_is_an_empty_batch():
    assert read_json_page(json_page(), SCHEMA).num_rows == 0


def test_a_row_longer_than_a_block_is_read_and_no_other_row_lost_or_doubled():
    schema = arrow_schema(described(field("A", "string"), field("B", "textarea")), ["A", "B"])
    rows = [{"A": str(n), "B": "x" * 300_000} for n in range(10)]
    rows[7] = {"A": "7", "B": "y\n" * 1_500_000}

    found = rows_of(page(rows, ["A", "B"]), schema)

    assert found == rows


def test_large_pages_come_in_several_batches():
    rows = [{"X": "x" * 1000}] * 5000

    batches = list(read_csv_page(page(rows, ["X"]), one_column("string")))

    assert len(batches) > 3
    assert sum(batch.num_rows for batch in batches) == 5000


def test_paths_bytes_and_open_files_read_the_same(tmp_path):
    body = page([CSV_ROW], list(COLUMNS))
    path = tmp_path / "page.csv"
    path.write_bytes(b"before" + body)
    (tmp_path / "alone.csv").write_bytes(body)

    with path.open("rb") as file:
        file.seek(len(b"before"))
        from_file = rows_of(file)
        assert not file.closed

    assert from_file == rows_of(tmp_path / "alone.csv") == rows_of(body) == [ROW]


def test_times_are_read_to_the_millisecond():
    schema = one_column("time")
    body = page([{"X": "23:59:59.999Z"}], ["X"])

    assert rows_of(body, schema) == [{"X": time(23, 59, 59, 999000)}]
    assert timedelta(
        milliseconds=next(iter(read_csv_page(body, schema)))[0].cast("int32")[0].as_py()
    ) == (timedelta(hours=24) - timedelta(milliseconds=1))


def test_a_percent_without_fraction_may_be_written_with_one():
    schema = pa.schema([("Probability", pa.decimal128(3, 0))])

    [bulk] = read_csv_page(b'"Probability"\n"100.0"\n"5"\n', schema)
    rest = read_json_page(b'{"records": [{"Probability": 100.0}, {"Probability": 5}]}', schema)

    assert bulk["Probability"].to_pylist() == rest["Probability"].to_pylist() == [100, 5]
