"""Pieces of DuckDB SQL that carry their parameters, so that both stay in the same order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL text with ``?`` placeholders, and their values from left to right."""

    text: str
    params: tuple[Any, ...] = ()


EMPTY = Sql("")
TRUE = Sql("TRUE")
FALSE = Sql("FALSE")


def bind(value: Any) -> Sql:
    """A value as a parameter; values never become SQL text."""
    return Sql("?", (value,))


def fill(template: str, *parts: Sql) -> Sql:
    """The template with each ``{}`` replaced by the next part."""
    text = template.format(*(part.text for part in parts))
    return Sql(text, tuple(param for part in parts for param in part.params))


def join(separator: str, parts: Iterable[Sql]) -> Sql:
    """The parts in their order, with the separator between them."""
    parts = list(parts)
    text = separator.join(part.text for part in parts)
    return Sql(text, tuple(param for part in parts for param in part.params))


def text_literal(name: str) -> str:
    """A name out of the schema as SQL text."""
    return "'" + name.replace("'", "''") + "'"
