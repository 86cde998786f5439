"""Record ids: 15 and 18 characters, their checksum, and making new ones.

An id is a key prefix (3), a pod (2), a reserved ``0``, and a number in base 62 (9 digits). The
18-character form adds three characters that say which of the first fifteen are capitals, so that
it survives software that ignores case. Digits come in ASCII order: ids made later sort later.
"""

from __future__ import annotations

import re

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHECKSUM_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
POD = "Td"
NUMBER_DIGITS = 9

_SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")


def checksum(id15: str) -> str:
    """The three characters that turn a 15-character id into its 18-character form."""
    return "".join(
        CHECKSUM_ALPHABET[
            sum(1 << i for i, char in enumerate(id15[at : at + 5]) if "A" <= char <= "Z")
        ]
        for at in (0, 5, 10)
    )


def is_valid(record_id: str) -> bool:
    """Whether it has the shape of an id: 15 characters, or 18 with the right checksum.

    The case of the last three characters doesn't matter, as in Salesforce.
    """
    if not _SHAPE.fullmatch(record_id):
        return False
    return len(record_id) == 15 or checksum(record_id[:15]) == record_id[15:].upper()


def to_18(record_id: str) -> str:
    """The 18-character form.

    Raises:
        ValueError: It isn't an id.
    """
    if not is_valid(record_id):
        raise ValueError(
            f"not a record id (15 characters, or 18 with a checksum): {len(record_id)} characters"
        )
    return record_id[:15] + checksum(record_id[:15])


def make_id(prefix: str, number: int, pod: str = POD) -> str:
    """The 18-character id of the `number`-th record with this key prefix."""
    digits = ""
    rest = number
    for _ in range(NUMBER_DIGITS):
        rest, digit = divmod(rest, 62)
        digits = DIGITS[digit] + digits
    if rest or number < 0:
        raise ValueError(f"an id holds numbers from 0 to 62**{NUMBER_DIGITS} - 1, got {number}")
    id15 = f"{prefix}{pod}0{digits}"
    return id15 + checksum(id15)


def number_of(record_id: str) -> int:
    """The number inside an id that `make_id` made."""
    number = 0
    for char in record_id[6:15]:
        number = number * 62 + DIGITS.index(char)
    return number


_CHECKSUM_LIST = "['" + "', '".join(CHECKSUM_ALPHABET) + "']"
_DIGIT_LIST = "['" + "', '".join(DIGITS) + "']"


def _is_capital_sql(text: str, place: int) -> str:
    return f"(ascii({text}[{place}]) BETWEEN 65 AND 90)"


def _digit_sql(power: int) -> str:
    return f"(number // {62**power} % 62)"


def _is_capital_digit_sql(power: int) -> str:
    return f"({_digit_sql(power)} BETWEEN 10 AND 35)"


def _checksum_char_sql(capitals: list[str]) -> str:
    """One character of the checksum, from five conditions."""
    bits = " + ".join(f"{1 << place} * {one}::INT" for place, one in enumerate(capitals))
    return f"{_CHECKSUM_LIST}[1 + {bits}]"


def _checksum_sql(text: str) -> str:
    starts = (1, 6, 11)
    return " || ".join(
        _checksum_char_sql([_is_capital_sql(text, at + i) for i in range(5)]) for at in starts
    )


def _new_id_sql() -> str:
    """An id from `prefix` and `number`: its checksum from the digits, which is faster than from
    the text.
    """
    digits = [f"{_DIGIT_LIST}[1 + {_digit_sql(power)}]" for power in reversed(range(NUMBER_DIGITS))]
    pod = [str("A" <= char <= "Z") for char in POD]
    checksums = [
        _checksum_char_sql([*(_is_capital_sql("prefix", place) for place in (1, 2, 3)), *pod]),
        _checksum_char_sql(["false", *map(_is_capital_digit_sql, (8, 7, 6, 5))]),
        _checksum_char_sql([*map(_is_capital_digit_sql, (4, 3, 2, 1, 0))]),
    ]
    return " || ".join(["prefix", f"'{POD}0'", *digits, *checksums])


# sf_id(prefix, number): as `make_id`, for whole columns. sf_id18(text): as `to_18`, NULL for what
# has not the shape of an id; an 18-character id with a wrong checksum is NULL as well.
ID_MACRO_SQL = f"""
CREATE OR REPLACE MACRO sf_checksum(id15) AS {_checksum_sql("id15")};
CREATE OR REPLACE MACRO sf_id(prefix, number) AS {_new_id_sql()};
CREATE OR REPLACE MACRO sf_id18(text) AS CASE
    WHEN regexp_full_match(text, '[0-9A-Za-z]{{15}}') THEN text || sf_checksum(text)
    WHEN regexp_full_match(text, '[0-9A-Za-z]{{18}}') AND sf_checksum(text) = upper(text[16:18])
        THEN text[1:15] || upper(text[16:18])
END;
"""
