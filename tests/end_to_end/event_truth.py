"""What an org published, seen by a bare client, and what a warehouse holds of it."""

from dataclasses import dataclass, field
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


@dataclass
class Published:
    """Changes and events of one channel: by key the change type, and the events' UUIDs."""

    changes: dict[Change, str] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)

    def add(self, other: "Published") -> None:
        self.changes |= other.changes
        self.events |= other.events


class BusReader:
    """Reads channels from their beginning. The org must send keepalives often."""

    def __init__(self, org: Org) -> None:
        self._bus = EventBus(Api(org))

    def read(self, channel: str) -> Published:
        """All that the bus has kept of a channel."""
        found = Published()
        stream = self._bus.subscribe(channel, replay_preset=wire.EARLIEST)
        try:
            while (response := stream.next()).events:
                for message in response.events:
                    found.events.add(message.event.id)
                    header = self._bus.decode(message)["ChangeEventHeader"]
                    for record_id in header["recordIds"]:
                        key = header["commitNumber"], header["sequenceNumber"], record_id
                        found.changes[key] = header["changeType"]
                stream.ask(len(response.events))
        finally:
            stream.close()
        return found


def landed_events(inbox: Inbox, spec: ChangesSpec) -> set[str]:
    """UUIDs of all events of a channel that were ever drained; nothing is swept meanwhile."""
    channel = inbox.channel(spec.channel)
    found: set[str] = set()
    for segment in channel.segments("nobody"):
        found.update(channel.read(segment).column("event_id").to_pylist())
    return found


def logged(warehouse: Path, spec: ChangesSpec) -> tuple[list[tuple[Change, str]], set[str]]:
    """Rows of a change log, each with its change type, and the UUIDs of their events."""
    table = f"'{spec.sync.schema}' AND table_name = '{spec.log_table}'"
    if not query(warehouse, f"SELECT 1 FROM duckdb_tables() WHERE schema_name = {table}"):
        return [], set()
    rows = query(
        warehouse,
        "SELECT _commit_number, _sequence_number, id, _change_type, _event_id "
        f"FROM {spec.sync.schema}.{spec.log_table}",
    )
    return [((number, seq, key), kind) for number, seq, key, kind, _ in rows], {r[4] for r in rows}


def query(warehouse: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()
