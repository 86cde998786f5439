"""Which fields of an Avro record a bitmap of a change event's header names.

Source: Change Data Capture guide, "Event Header Fields", and Salesforce's ChangeEventHeaderUtility.
`0x` and hex digits, bit 0 (the least) being the first field of the event, ChangeEventHeader;
`<field>-0x…` has bits of the fields nested in that field, whose own bit isn't set then.
"""

import re
from collections.abc import Sequence

ENTRY = re.compile(r"(?:(?P<parent>\d+)-)?0[xX](?P<bits>[0-9A-Fa-f]+)", re.ASCII)

#: Per field of the event's record, the names of its columns; () for the header.
FieldNames = Sequence[Sequence[str]]


class BitmapError(ValueError):
    """A bitmap that doesn't fit the schema."""


def set_bits(digits: str) -> list[int]:
    """Positions of the bits that are set in hex digits, ascending."""
    number = int(digits, 16)
    found = []
    while number:
        lowest = number & -number
        found.append(lowest.bit_length() - 1)
        number ^= lowest
    return found


def names_in(entries: Sequence[str], whole: FieldNames, parts: FieldNames) -> tuple[str, ...]:
    """Names of the fields that a header's list of bitmaps stands for, in the schema's order.

    Args:
        entries: As in the header; the top-level one may be absent.
        whole: Per field, what its own bit stands for.
        parts: Per field, the fields nested in it, one name each; () where there are none.

    Raises:
        BitmapError: An entry isn't a bitmap, or has a bit without a field.
    """
    found: list[tuple[int, int, str]] = []
    for entry in entries:
        match = ENTRY.fullmatch(entry)
        if match is None:
            raise BitmapError("an entry isn't a bitmap")
        if match["parent"] is None:
            for field in set_bits(match["bits"]):
                names = whole[field] if field < len(whole) else ()
                if not names:
                    raise BitmapError(f"bit {field} has no field among {len(whole)}")
                found += ((field, at, name) for at, name in enumerate(names))
            continue
        field = int(match["parent"])
        nested = parts[field] if field < len(parts) else ()
        for bit in set_bits(match["bits"]):
            if bit >= len(nested):
                raise BitmapError(f"bit {bit} of field {field} has no field")
            found.append((field, bit, nested[bit]))
    return tuple(dict.fromkeys(name for _, _, name in sorted(found)))
