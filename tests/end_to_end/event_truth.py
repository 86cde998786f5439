"""What an org published, seen by a bare client, and what a warehouse holds of it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from assets.changes_spec import ChangesSpec
from emulator.pubsub.generated import pubsub_api_pb2 as wire
from resources.landing.inbox import Inbox
from tests.emulator.api import Api
from tests.emulator.event_stream import EventBus
from tests.emulator_process import Org

#: One change of one record: commit number, sequence number, Id.
Change = tuple[int, int, str]


@dataclass(frozen=True)
class Told:
    """What an event says of one record.

    Args:
        kind: The change type.
        transaction: The transaction's key.
        carried: The API's names of all fields that the event could have told.
        changed: Of these the ones in ``changedFields``.
        values: Values by the API's names, as JSON would have them; of an update what changed.
    """

    kind: str
    transaction: str
    carried: frozenset[str]
    changed: frozenset[str]
    values: Mapping[str, Any]


@dataclass
class Published:
    """Changes and events of one channel: by key what was told, and the events' UUIDs."""

    changes: dict[Change, Told] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)

    def add(self, other: "Published") -> None:
        self.changes |= other.changes
        self.events |= other.events


class BusReader:
    """Reads channels from their beginning. The org must send keepalives often."""

    def __init__(self, org: Org) -> None:
        self._bus = EventBus(Api(org))

    def read(self, channel: str) -> dict[str, Published]:
        """All that the bus has kept of a channel, by object."""
        found: dict[str, Published] = defaultdict(Published)
        stream = self._bus.subscribe(channel, replay_preset=wire.EARLIEST)
        try:
            while (response := stream.next()).events:
                for message in response.events:
                    event = self._bus.decode(message)
                    header = event["ChangeEventHeader"]
                    published = found[header["entityName"]]
                    published.events.add(message.event.id)
                    told = _told(self._bus.schema(message.event.schema_id), event)
                    for record_id in header["recordIds"]:
                        key = header["commitNumber"], header["sequenceNumber"], record_id
                        published.changes[key] = told
                stream.ask(len(response.events))
        finally:
            stream.close()
        return found


def _told(schema: Any, event: Mapping[str, Any]) -> Told:
    header = event["ChangeEventHeader"]
    known = dict(_fields(schema, event))
    marked = {name for name, (place, _) in known.items() if _is_marked(place, header)}
    names = {"CREATE": set(known), "UNDELETE": set(known), "UPDATE": marked}
    return Told(
        header["changeType"],
        header["transactionKey"],
        frozenset(known),
        frozenset(marked),
        {name: known[name][1] for name in names.get(header["changeType"], ())},
    )


def _fields(
    schema: Any, event: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[tuple[int, int | None], Any]]]:
    """All values of an event: the API's name of the field, its place in the bitmaps, the value."""
    records: dict[str, Any] = {}
    for number, one in enumerate(schema["fields"]):
        if one["name"] == "ChangeEventHeader":
            continue
        name, value = one["name"], event[one["name"]]
        kind = one["type"][1]
        if isinstance(kind, dict):
            records[kind["name"]] = kind
        record = records.get(kind["name"] if isinstance(kind, dict) else kind)
        if record is None:
            yield name, ((number, None), _plain(one, value))
            continue
        prefix = name.removesuffix("Address") if name.endswith("Address") else ""
        for inner, part in enumerate(record["fields"]):
            of_part = (value or {}).get(part["name"])
            yield f"{prefix}{part['name']}", ((number, inner), _plain(part, of_part))


def _is_marked(place: tuple[int, int | None], header: Mapping[str, Any]) -> bool:
    outer, inner = place
    prefix, bit = ("", outer) if inner is None else (f"{outer}-", inner)
    return any(
        int(bitmap.removeprefix(prefix), 16) >> bit & 1
        for bitmap in header["changedFields"]
        if bitmap.startswith(f"{prefix}0x")
    )


def _plain(one: Mapping[str, Any], value: Any) -> Any:
    if value is not None and one.get("doc") == "Data:DateOnly":
        return datetime.fromtimestamp(value / 1000, UTC).date().isoformat()
    return value


def landed_events(inbox: Inbox, spec: ChangesSpec) -> set[str]:
    """UUIDs of all events of a channel that were ever drained; nothing is swept meanwhile."""
    channel = inbox.channel(spec.channel)
    found: set[str] = set()
    for segment in channel.segments("nobody"):
        found.update(channel.read(segment).column("event_id").to_pylist())
    return found


@dataclass(frozen=True)
class Logged:
    """One row of a change log; values by column, of columns that it has."""

    change: Change
    kind: str
    event_id: str
    changed: frozenset[str]
    values: Mapping[str, Any]


def logged(warehouse: Path, spec: ChangesSpec) -> list[Logged]:
    """Rows of a change log."""
    if not _has_table(warehouse, spec.sync.schema, spec.log_table):
        return []
    return [
        Logged(
            (row["_commit_number"], row["_sequence_number"], row["id"]),
            row["_change_type"],
            row["_event_id"],
            frozenset(row["_changed_fields"]),
            row,
        )
        for row in rows_of(warehouse, f"{spec.sync.schema}.{spec.log_table}")
    ]


def versions(warehouse: Path, spec: ChangesSpec) -> list[dict[str, Any]]:
    """Rows of a history in the order of their times."""
    name = spec.history_table
    if name is None or not _has_table(warehouse, spec.sync.schema, name):
        return []
    return rows_of(warehouse, f"{spec.sync.schema}.{name} ORDER BY id, valid_from, valid_to")


def _has_table(warehouse: Path, schema: str, name: str) -> bool:
    table = f"'{schema}' AND table_name = '{name}'"
    return bool(query(warehouse, f"SELECT 1 FROM duckdb_tables() WHERE schema_name = {table}"))


def rows_of(warehouse: Path, table: str) -> list[dict[str, Any]]:
    """Rows as dicts by column."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        result = connection.execute(f"SELECT * FROM {table}")
        columns = [one[0] for one in result.description]
        return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


def query(warehouse: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()
