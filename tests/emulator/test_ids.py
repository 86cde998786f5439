"""Record ids: checksum, making them, and the same rules inside DuckDB."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.ids import DIGITS, ID_MACRO_SQL, checksum, is_valid, make_id, number_of, to_18

# The Master record type stands in every org's describe; the rest are examples in Salesforce's own
# documentation of ids and of the REST API. Five key prefixes.
KNOWN = [
    "012000000000000AAA",
    "001D000000IqhSLIAZ",
    "006D000000LAxrfIAD",
    "003D000000QOMqdIAH",
    "001R0000005hDFYIA2",
    "00QD000000DOFFmMAP",
]

id15s = st.text(alphabet=DIGITS, min_size=15, max_size=15)
numbers = st.integers(min_value=0, max_value=62**9 - 1)


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect(":memory:") as connection:
        connection.execute(ID_MACRO_SQL)
        yield connection


@pytest.mark.parametrize("known", KNOWN)
def test_the_checksum_of_a_real_id_is_its_last_three_characters(known):
    assert to_18(known[:15]) == known


@given(id15s)
def test_each_checksum_character_tells_the_capitals_of_its_five(id15):
    bits = [
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345".index(char) >> place & 1
        for char in checksum(id15)
        for place in range(5)
    ]

    assert bits == [int(char.isupper()) for char in id15]


@given(id15s)
def test_an_18_character_id_survives_a_change_of_case_in_its_checksum(id15):
    id18 = to_18(id15)

    assert to_18(id15 + id18[15:].lower()) == id18


@given(id15s, st.integers(0, 2))
def test_a_wrong_checksum_is_refused(id15, place):
    right = checksum(id15)
    other = "A" if right[place] != "A" else "B"

    assert not is_valid(id15 + right[:place] + other + right[place + 1 :])


@pytest.mark.parametrize("text", ["", "001", "001D000000IqhS", "001D000000IqhSL!", "é" * 15])
def test_what_has_not_the_shape_of_an_id_is_refused(text):
    with pytest.raises(ValueError, match="not a record id"):
        to_18(text)


@given(numbers, numbers)
def test_ids_made_later_sort_later(one, other):
    assert (make_id("001", one)[:15] < make_id("001", other)[:15]) == (one < other)


@given(numbers)
def test_the_number_comes_back_out_of_an_id(number):
    assert number_of(make_id("a00", number)) == number


def test_a_number_too_large_for_an_id_is_refused():
    with pytest.raises(ValueError, match=r"62\*\*9"):
        make_id("001", 62**9)


def test_duckdb_makes_the_same_ids(connection):
    numbers = [0, 1, 61, 62, 3843, 3844, 999_999_999, 62**9 - 1]

    made = connection.execute("SELECT sf_id('00Q', unnest(?::BIGINT[]))", [numbers]).fetchall()

    assert [row[0] for row in made] == [make_id("00Q", number) for number in numbers]


def test_duckdb_normalises_ids_as_python_does(connection):
    texts = [*KNOWN, *(known[:15] for known in KNOWN), *(k[:15] + k[15:].lower() for k in KNOWN)]
    texts += ["", "001", KNOWN[1][:15] + "AAA", "x" * 16, "001D000000IqhSL!"]

    normal = connection.execute("SELECT sf_id18(unnest(?::VARCHAR[]))", [texts]).fetchall()

    assert [row[0] for row in normal] == [to_18(t) if is_valid(t) else None for t in texts]
