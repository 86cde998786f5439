"""Which of an object's fields its events hold, in which order, and how SQL gives their values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from emulator.schema.columns import quoted
from emulator.schema.model import Field, SObject

# Never part of a change event, or of none that was recorded [cdc guide].
_NEVER = frozenset(
    {"Id", "IsDeleted", "MasterRecordId", "SystemModstamp", "LastActivityDate", "LastViewedDate",
     "LastReferencedDate", "PhotoUrl", "ReplayId", "EventUuid", "HasOpenActivity", "HasOverdueTask"}
)  # fmt: skip
# Derived here, and in a recorded event of the object all the same.
_DERIVED = {
    "Opportunity": {
        "ExpectedRevenue", "IsClosed", "IsWon", "ForecastCategory", "HasOpportunityLineItem",
    },
}  # fmt: skip
_PART_ORDER = (
    "Salutation", "FirstName", "LastName", "MiddleName", "InformalName", "Suffix",
    "Latitude", "Longitude",
)  # fmt: skip
# All of them, also those that the org's describes don't have: as events of a public client's page
# (salesforce-pubsub-api-client, README) show an account's BillingAddress.
_ADDRESS = (
    "Street", "City", "State", "PostalCode", "Country", "StateCode", "CountryCode", "Latitude",
    "Longitude", "Xyz", "GeocodeAccuracy",
)  # fmt: skip
# Texts longer than this are told as a difference (no document gives the bound).
LONG_TEXT = 1000


@dataclass(frozen=True)
class Part:
    """A value of its own: a field, or a part of a compound one under its name there."""

    name: str
    field: Field


@dataclass(frozen=True)
class EventField:
    """One field of the event's record.

    Attributes:
        record: Name of the nested record (``Address``, ``PersonName``, ``Location``); None for a
            plain field, whose only part it then is.
    """

    name: str
    record: str | None
    parts: tuple[Part, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the nested record's fields; those that are no part are always null."""
        return _ADDRESS if self.record == "Address" else tuple(part.name for part in self.parts)


def event_fields(sobject: SObject) -> tuple[EventField, ...]:
    """The fields after the header, in describe order (recorded for Account and Opportunity)."""
    found: dict[str, EventField] = {}
    derived = _DERIVED.get(sobject.name, set())
    for field in sobject.fields.values():
        told = field.is_stored or field.name in derived
        if field.name in _NEVER or not told or field.type == "base64":
            continue
        owner = sobject.fields.get(field.compound_field_name or "")
        if owner is None or owner is field:
            found[field.name] = EventField(field.name, None, (Part(field.name, field),))
        elif owner.name not in found:
            found[owner.name] = _compound(sobject, owner)
    return tuple(found.values())


def parts_of(fields: tuple[EventField, ...]) -> tuple[Part, ...]:
    """All values of an event, nested ones in place."""
    return tuple(part for one in fields for part in one.parts)


def _compound(sobject: SObject, owner: Field) -> EventField:
    record = {"address": "Address", "location": "Location"}.get(owner.type, "PersonName")
    order = _ADDRESS if record == "Address" else _PART_ORDER
    parts = sorted(_parts(sobject, owner), key=lambda part: order.index(part.name))
    return EventField(owner.name, record, tuple(parts))


def _parts(sobject: SObject, owner: Field) -> Iterator[Part]:
    # BillingAddress: BillingStreet; Geo__c: Geo__Latitude__s; Name: FirstName.
    prefix = {"address": owner.name.removesuffix("Address")}.get(owner.type, "")
    for field in sobject.fields.values():
        if field.compound_field_name != owner.name or not field.is_stored:
            continue
        name = field.name.removeprefix(prefix)
        if owner.type == "location":
            name = "Latitude" if "Latitude" in name else "Longitude"
        yield Part(name, field)


def json_sql(field: Field, alias: str) -> str:
    """SQL for the value as the event's Avro holds it: dates and datetimes in epoch milliseconds."""
    column = f"{alias}.{quoted(field.name)}"
    if field.type == "datetime":
        return f"epoch_ms({column})"
    if field.type == "date":
        return f"epoch_ms(CAST({column} AS TIMESTAMP))"
    if field.type == "time":
        return f"date_diff('millisecond', TIME '00:00:00', {column})"
    return column


def is_long_text(field: Field) -> bool:
    """Whether a change of it may be told as a difference."""
    return field.type == "textarea" and field.length > LONG_TEXT
