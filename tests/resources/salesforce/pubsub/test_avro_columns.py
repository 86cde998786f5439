"""Events read column by column are what fastavro reads one by one, whatever their bytes."""

import json
import os
from io import BytesIO

import fastavro
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.salesforce.pubsub.avro_columns import MOST_ENTRIES, read_columns
from resources.salesforce.pubsub.avro_shape import leaf_paths, record_shape
from resources.salesforce.pubsub.decode import EventDecoder
from tests.resources.salesforce.pubsub.events import (
    ACCOUNT,
    ADDRESS,
    PERSON_NAME,
    change,
    change_schema,
    encode,
    nullable,
    raw,
)

EXAMPLES = settings(max_examples=int(os.environ.get("TIDEGATE_EXAMPLES", "100")), deadline=None)
TEXTS = {"type": "array", "items": "string"}
VALUES = {
    "string": st.text(max_size=12),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1) | st.integers(-70, 70),
    "double": st.floats(allow_nan=False),
    "boolean": st.booleans(),
}


@st.composite
def kinds(draw, name):
    """A plain type of a field, with what its values may be."""
    kind = draw(st.sampled_from([*VALUES, "enum", "texts"]))
    if kind == "enum":
        symbols = [f"S{n}" for n in range(draw(st.integers(1, 70)))]
        return {"type": "enum", "name": f"{name}_enum", "symbols": symbols}, st.sampled_from(
            symbols
        )
    if kind == "texts":
        return TEXTS, st.lists(st.text(max_size=3), max_size=5) | st.lists(
            st.just("x"), min_size=60, max_size=70
        )
    return kind, VALUES[kind]


@st.composite
def fields(draw, name, nests=True):
    """A field: one type, or null and one, or null, one and a record; or a nested record alone."""
    kind, values = draw(kinds(name))
    how = draw(st.sampled_from(["plain", "null first", "null last"] + ["nested", "mixed"] * nests))
    if how == "plain":
        return {"name": name, "type": kind}, values
    if how in ("null first", "null last"):
        branches = ["null", kind] if how == "null first" else [kind, "null"]
        return {"name": name, "type": branches}, st.none() | values
    inner, of_inner = draw(records(f"{name}_record", nests=False))
    if how == "nested":
        return {"name": name, "type": ["null", inner]}, st.none() | of_inner
    pairs = st.tuples(st.just("string"), st.text(max_size=12)) | of_inner.map(
        lambda record: (f"{name}_record", record)
    )
    return {"name": name, "type": ["null", "string", inner]}, st.none() | pairs


@st.composite
def records(draw, name="Event", nests=True):
    """A record's schema, and records of it."""
    found = [draw(fields(f"{name}_{n}", nests)) for n in range(draw(st.integers(1, 8)))]
    schema = {"type": "record", "name": name, "fields": [field for field, _ in found]}
    return schema, st.fixed_dictionaries({field["name"]: values for field, values in found})


@st.composite
def payloads(draw):
    """A schema, and payloads of it as fastavro writes them."""
    schema, of_schema = draw(records())
    many = draw(st.lists(of_schema, min_size=1, max_size=12))
    return schema, [encode(json.dumps(schema), one) for one in many]


def one_by_one(schema, payload):
    """What fastavro reads, by path; None if it can't."""
    parsed, stream = fastavro.parse_schema(schema), BytesIO(payload)
    try:
        record = fastavro.schemaless_reader(stream, parsed, None)
    except Exception:
        return None
    return by_path(schema, record) if stream.tell() == len(payload) else None


def by_path(schema, record):
    found = {}
    for path in leaf_paths(record_shape(fastavro.parse_schema(schema))):
        value = record[path[0]]
        if len(path) == 2:
            value = value[path[1]] if isinstance(value, dict) else None
        found[path] = None if isinstance(value, dict) else value
    return found


def read(schema, many):
    """What is read column by column: for each payload its values by path, None if refused."""
    found = read_columns(record_shape(fastavro.parse_schema(schema)), pa.array(many, pa.binary()))
    rows = [{} for _ in found.kept]
    for path, column in found.columns.items():
        column.validate(full=True)
        for row, value in zip(rows, column.to_pylist(), strict=True):
            row[path] = value
    by_position = dict(zip(found.kept.tolist(), rows, strict=True))
    assert sorted([*by_position, *found.refused.tolist()]) == list(range(len(many)))
    return [by_position.get(at) for at in range(len(many))]


@EXAMPLES
@given(payloads())
def test_events_are_read_as_fastavro_reads_them(written):
    schema, many = written

    assert read(schema, many) == [one_by_one(schema, payload) for payload in many]


@EXAMPLES
@given(payloads(), st.data())
def test_what_is_damaged_is_refused_or_read_as_fastavro_does_and_harms_no_other(written, data):
    schema, many = written
    at = data.draw(st.integers(0, len(many) - 1))
    many[at] = data.draw(damaged(many[at]))

    found = read(schema, many)

    expected = [one_by_one(schema, payload) for payload in many]
    assert found[:at] + found[at + 1 :] == expected[:at] + expected[at + 1 :]
    assert found[at] is None or same(found[at], expected[at])


def damaged(payload):
    """One byte or two of it changed, cut anywhere, or with more at its end."""
    places = st.integers(0, max(len(payload) - 1, 0))
    changed = st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=2).map(
        lambda edits: edited(payload, edits)
    )
    cut = st.integers(0, len(payload)).map(lambda end: payload[:end])
    return changed | cut | st.binary(min_size=1, max_size=12).map(lambda more: payload + more)


def edited(payload, edits):
    found = bytearray(payload)
    for at, byte in edits:
        found[at : at + 1] = bytes([byte])
    return bytes(found)


def same(one, other):
    """Equal, a NaN being equal to itself."""
    return other is not None and repr(sorted(one.items())) == repr(sorted(other.items()))


@pytest.mark.parametrize("at", range(len(change(Name="Ünter", NumberOfEmployees=7))))
def test_one_changed_byte_or_cut_of_an_event_changes_no_other(at):
    whole = change(header={"changedFields": ["0x400002", "4-0x01"]}, Name="Ünter", Sic="1")
    schema = json.loads(ACCOUNT)
    odd = [edited(whole, [(at, byte)]) for byte in range(256)] + [whole[:at]]

    found = read(schema, [payload for one in odd for payload in (whole, one)])

    assert found[::2] == [one_by_one(schema, whole)] * len(odd)
    for one, mine in zip(odd, found[1::2], strict=True):
        assert mine is None or same(mine, one_by_one(schema, one))


@pytest.mark.parametrize(
    "payload",
    [
        b"\xff" * 10 + b"\x01",  # eleven bytes
        b"\xff" * 9 + b"\x02",  # ten with more than 64 bits
        b"\x80",
        b"",
        b"\x02\x02",
    ],
)
def test_what_is_no_long_is_refused(payload):
    schema = {"type": "record", "name": "E", "fields": [{"name": "n", "type": "long"}]}

    assert read(schema, [payload, b"\x01"]) == [None, {("n",): -1}]


def test_a_boolean_is_one_of_two_bytes():
    schema = {"type": "record", "name": "E", "fields": [{"name": "b", "type": "boolean"}]}

    found = read(schema, [b"\x00", b"\x01", b"\x02"])

    assert found == [{("b",): False}, {("b",): True}, None]


def test_the_longest_long_is_read():
    schema = {"type": "record", "name": "E", "fields": [{"name": "n", "type": "long"}]}
    least = encode(json.dumps(schema), {"n": -(2**63)})

    assert (len(least), read(schema, [least])) == (10, [{("n",): -(2**63)}])


def test_arrays_in_blocks_are_read_with_and_without_sizes():
    schema = {"type": "record", "name": "E", "fields": [{"name": "n", "type": TEXTS}]}
    sized = b"\x03\x08\x02a\x02b" + b"\x02\x02c" + b"\x00"  # two in four bytes, then one

    assert read(schema, [sized, b"\x00", b"\x02\x02x\x00"]) == [
        {("n",): ["a", "b", "c"]},
        {("n",): []},
        {("n",): ["x"]},
    ]


def test_payloads_may_be_a_part_of_a_longer_column():
    schema = {"type": "record", "name": "E", "fields": [{"name": "n", "type": ["null", "string"]}]}
    column = pa.array([b"\x02\x02a", b"\x00", b"\x02\x02b"], pa.binary()).slice(1)

    found = read_columns(record_shape(fastavro.parse_schema(schema)), column)

    assert found.columns["n",].to_pylist() == [None, "b"]


@pytest.mark.parametrize(
    "kind",
    [
        {"type": "map", "values": "string"},
        {"type": "array", "items": "long"},
        {"type": "fixed", "name": "F", "size": 4},
        {"type": "long", "logicalType": "timestamp-millis"},
        ["null", "string", "long"],
        "bytes",
        ["null", "Event"],
    ],
    ids=str,
)
def test_other_schemas_are_left_to_fastavro(kind):
    schema = {"type": "record", "name": "Event", "fields": [{"name": "n", "type": kind}]}

    assert record_shape(fastavro.parse_schema(schema)) is None


def decoded(*payloads, schema=ACCOUNT):
    found = EventDecoder(lambda _: schema).decode(raw(*payloads))
    assert found.undecoded == ()
    return [row for batch in found.batches for row in batch.events.to_pylist()]


def test_an_event_of_more_records_than_are_read_at_once_is_read_by_itself():
    many = [f"{n:018}" for n in range(MOST_ENTRIES + 1)]
    events = (change(Name="a"), change(header={"recordIds": many}, Name="b"), change(Name="c"))

    found = {row["Name"]: row["record_ids"] for row in decoded(*events)}

    assert found["b"] == many
    assert found["a"] == found["c"] == ["001000000000001AAA"]


def test_fields_of_unknown_kinds_are_text_beside_those_that_are_known():
    schema = change_schema(
        nullable("Name", PERSON_NAME),
        nullable("At__c", ADDRESS),
        nullable("Known__c", "double"),
        nullable("Map__c", {"type": "map", "values": "long"}),
        {"name": "Either__c", "type": ["null", "string", "long"]},
    )
    fields = {"Name": {"LastName": "Ek"}, "Known__c": 1.5, "Map__c": {"a": 1}, "Either__c": 7}

    [row, empty] = decoded(change(schema, **fields), change(schema), schema=schema)

    assert (row["LastName"], row["FirstName"], row["Known__c"]) == ("Ek", None, 1.5)
    assert (row["Map__c"], row["Either__c"]) == ('{"a": 1}', "7")
    assert (empty["LastName"], empty["Map__c"], empty["record_ids"]) == (
        None,
        None,
        ["001000000000001AAA"],
    )
