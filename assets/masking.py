"""Replaces values by keyed hashes: equal values stay equal, and nobody reads them back."""

from __future__ import annotations

import hmac
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

MASKED_TYPE = pa.string()


def mask_column(column: pa.Array[Any], key: bytes) -> pa.Array[Any]:
    """HMAC-SHA256 of each value's text, in hex; null stays null.

    The key alone decides, not the field: the same e-mail address has the same mask in Contact and
    Lead, so that masked tables still join.
    """
    text = _as_text(column)
    encoded = text.dictionary_encode()
    masks = [
        None if value is None else hmac.digest(key, value.encode(), "sha256").hex()
        for value in encoded.dictionary.to_pylist()
    ]
    return pa.DictionaryArray.from_arrays(encoded.indices, pa.array(masks, MASKED_TYPE)).cast(
        MASKED_TYPE
    )


def _as_text(column: pa.Array[Any]) -> pa.Array[Any]:
    if pa.types.is_list(column.type):
        return cast("pa.Array[Any]", pc.binary_join(column, ";"))
    return column.cast(pa.string())
