"""Decides which fields, which queries and which API an extract uses. Reads nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, Protocol

from assets.errors import (
    FieldNotExtractableError,
    MaskedFieldMissingError,
    NoModstampError,
    UnknownFieldsError,
)
from assets.specs import ObjectSpec
from assets.spelling import nearest
from assets.windows import Window
from resources.salesforce import soql

# One REST page; Salesforce sends no more than 2,000 rows in one answer.
REST_ROWS = 2_000
# Salesforce refuses a URI above 16,384 bytes (HTTP 414); host, path and headers need room.
REST_URL_BYTES = 12_000

# Addresses and locations come as their parts, and files aren't rows.
COMPOUND_TYPES = frozenset({"address", "location"})
NOT_EXTRACTED_TYPES = COMPOUND_TYPES | {"base64"}

Api = Literal["rest_first", "rest", "bulk"]


class Field(Protocol):
    """What the plan needs to know of a described field."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def compound_field_name(self) -> str | None: ...


@dataclass(frozen=True)
class Queries:
    """What to ask the org; ``leaving`` finds rows that no longer match ``where``."""

    fields: tuple[str, ...]
    images: str
    leaving: str | None


def is_pattern(name: str) -> bool:
    return any(character in name for character in "*?[")


def is_named(name: str, patterns: Sequence[str]) -> bool:
    """Whether one of the names or patterns means this field; case doesn't count."""
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def select_fields(spec: ObjectSpec, described: Mapping[str, Field]) -> tuple[str, ...]:
    """The configured fields as describe spells them, in configured order, Id first.

    A pattern brings what can be extracted; a name that can't be is an error. A compound field
    asked for by name comes as its parts.

    Raises:
        UnknownFieldsError: Names that describe doesn't show, each with its nearest spelling.
        FieldNotExtractableError: A field that no query brings as a column.
        MaskedFieldMissingError: A field to be masked isn't selected.
    """
    by_lower = {name.lower(): name for name in described}
    named = [name for name in (*spec.fields, *spec.exclude, *spec.mask) if not is_pattern(name)]
    unknown = {name: nearest(name, described) for name in named if name.lower() not in by_lower}
    if unknown:
        raise UnknownFieldsError(spec.name, unknown)

    chosen: dict[str, None] = {"Id": None} if "Id" in described else {}
    for wanted in spec.fields:
        for name in _fields_for(wanted, spec.name, described, by_lower):
            if not is_named(name, spec.exclude):
                chosen[name] = None
    for wanted in spec.mask:
        if not any(is_named(name, [wanted]) for name in chosen):
            raise MaskedFieldMissingError(spec.name, wanted)
    return tuple(chosen)


def _fields_for(
    wanted: str, object_name: str, described: Mapping[str, Field], by_lower: Mapping[str, str]
) -> list[str]:
    if is_pattern(wanted):
        return [
            name
            for name, field in described.items()
            if field.type not in NOT_EXTRACTED_TYPES and is_named(name, [wanted])
        ]
    field = described[by_lower[wanted.lower()]]
    if field.type in COMPOUND_TYPES:
        return [
            part.name
            for part in described.values()
            if part.compound_field_name == field.name and part.name != field.name
        ]
    if field.type in NOT_EXTRACTED_TYPES:
        raise FieldNotExtractableError(object_name, field.name, field.type)
    return [field.name]


def bookkeeping_fields(described: Mapping[str, Field]) -> tuple[str, ...]:
    """Fields that every query brings: they decide which of two images is newer, and deletion."""
    return tuple(name for name in ("Id", "SystemModstamp", "IsDeleted") if name in described)


def build_queries(
    spec: ObjectSpec, fields: Sequence[str], described: Mapping[str, Field], window: Window | None
) -> Queries:
    """The queries of one window; ``window`` None reads the whole object.

    A read of everything needs no second query: what it doesn't bring no longer matches.

    Raises:
        NoModstampError: The object has windows configured and no SystemModstamp.
    """
    if window is not None and "SystemModstamp" not in described:
        raise NoModstampError(spec.name)
    extra = bookkeeping_fields(described)
    selected = (*fields, *(name for name in extra if name not in fields))
    stretch = soql.window("SystemModstamp", window.read_from, window.end) if window else ""
    images = soql.select(spec.name, selected, where=soql.all_of(spec.where or "", stretch))
    leaving = None
    if spec.where and window is not None:
        leaving = soql.select(
            spec.name, extra, where=soql.all_of(soql.negated(spec.where), stretch)
        )
    return Queries(fields=selected, images=images, leaving=leaving)


def choose_api(window: Window | None, query: str) -> Api:
    """Small closed windows begin with one REST query, whose total decides; all else is bulk."""
    if window is not None and (window.start is None or window.partitions > 1):
        return "bulk"
    if soql.url_bytes(query) > REST_URL_BYTES:
        return "bulk"
    return "rest_first"


def stay_with_rest(total_rows: int) -> bool:
    """Whether the rest of a result is read by its following pages, or by a bulk job."""
    return total_rows <= REST_ROWS
