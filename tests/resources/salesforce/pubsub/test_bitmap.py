"""Bitmaps name fields, nested ones too."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.salesforce.pubsub.bitmap import BitmapError, names_in, set_bits

EXAMPLES = settings(max_examples=int(os.environ.get("TIDEGATE_EXAMPLES", "100")), deadline=None)


def hexadecimal(bits, upper):
    """As Salesforce writes it: whole bytes, in capitals."""
    number = sum(1 << bit for bit in set(bits))
    digits = f"{number:X}" if upper else f"{number:x}"
    return f"0x{digits.zfill(len(digits) + len(digits) % 2)}"


@st.composite
def events(draw):
    """A record's fields, some of them nested, and which of all changed."""
    sizes = draw(st.lists(st.integers(0, 12), min_size=1, max_size=80))
    parts = [(), *(tuple(f"F{at}.{n}" for n in range(size)) for at, size in enumerate(sizes, 1))]
    whole = [(), *((names or (f"F{at}",)) for at, names in enumerate(parts[1:], 1))]
    names = [name for names in whole for name in names]
    changed = draw(st.sets(st.sampled_from(names)))
    return whole, parts, changed


@EXAMPLES
@given(events(), st.booleans())
def test_what_was_written_as_bitmaps_is_read(event, upper):
    whole, parts, changed = event
    plain = [
        at for at, names in enumerate(whole) if names and not parts[at] and names[0] in changed
    ]
    entries = [hexadecimal(plain, upper)] if plain else []
    for at, names in enumerate(parts):
        bits = [bit for bit, name in enumerate(names) if name in changed]
        if bits:
            entries.append(f"{at}-{hexadecimal(bits, upper)}")

    found = names_in(entries, whole, parts)

    assert set(found) == changed
    assert found == tuple(name for names in whole for name in names if name in changed)


@EXAMPLES
@given(st.sets(st.integers(0, 900)))
def test_bits_are_found_wherever_they_are(bits):
    assert set_bits(hexadecimal(bits, True).removeprefix("0x")) == sorted(bits)


def test_the_own_bit_of_a_compound_field_stands_for_all_its_parts():
    assert names_in(["0x02"], [(), ("A", "B")], [(), ("A", "B")]) == ("A", "B")


@pytest.mark.parametrize("entry", ["0x04", "0x01", "1-0x04", "2-0x01", "0-0x01", "Name", "0x", ""])
def test_what_names_no_field_is_refused(entry):
    with pytest.raises(BitmapError):
        names_in([entry], [(), ("A", "B")], [(), ("A", "B")])
