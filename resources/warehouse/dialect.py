"""DuckDB's words: how names and texts are quoted and which type holds which Arrow type."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

TIMESTAMPTZ = "TIMESTAMP WITH TIME ZONE"


def quoted(*parts: str) -> str:
    """A name of one or more parts, safe from reserved words and quotes."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def text(value: str) -> str:
    """A literal."""
    return "'" + value.replace("'", "''") + "'"


def texts(values: Sequence[str]) -> str:
    """Literals for IN."""
    return ", ".join(text(value) for value in values)


def sql_type(arrow_type: pa.DataType) -> str:
    """The DuckDB type that holds every value of an Arrow type exactly.

    Raises:
        TypeError: There is none that we use.
    """
    if pa.types.is_decimal128(arrow_type):
        return f"DECIMAL({arrow_type.precision},{arrow_type.scale})"
    if pa.types.is_list(arrow_type) or pa.types.is_large_list(arrow_type):
        return f"{sql_type(arrow_type.value_type)}[]"
    if pa.types.is_timestamp(arrow_type) and arrow_type.tz is not None:
        return TIMESTAMPTZ
    if pa.types.is_time(arrow_type):
        return "TIME"
    known = _SIMPLE.get(arrow_type)
    if known is None:
        raise TypeError(f"no DuckDB type for Arrow's {arrow_type}")
    return known


_SIMPLE: dict[pa.DataType, str] = {
    pa.string(): "VARCHAR",
    pa.large_string(): "VARCHAR",
    pa.string_view(): "VARCHAR",
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.date32(): "DATE",
    pa.binary(): "BLOB",
    pa.large_binary(): "BLOB",
}
