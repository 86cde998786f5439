"""Sets of fields as the header's bitmaps: ``0x400800``, and ``4-0x01`` within a nested record."""

from __future__ import annotations

from collections.abc import Collection

from emulator.events.event_fields import EventField


def bitmaps(fields: tuple[EventField, ...], names: Collection[str]) -> list[str]:
    """The entries for these fields, named as the object's columns.

    Bit 0 is the header. A part of a compound field sets a bit of the nested bitmap, and none for
    the compound itself; an entry without bits isn't there [pubsub examples] [cdc guide].
    """
    top, nested = 0, []
    for place, one in enumerate(fields, start=1):
        if one.record is None:
            top |= (one.name in names) << place
            continue
        changed = (part for part in one.parts if part.field.name in names)
        bits = sum(1 << one.names.index(part.name) for part in changed)
        if bits:
            nested.append(f"{place}-{_hex(bits)}")
    return ([_hex(top)] if top else []) + nested


def _hex(bits: int) -> str:
    """Whole bytes, upper case."""
    digits = f"{bits:X}"
    return f"0x{digits:0>{len(digits) + len(digits) % 2}}"
