"""The state tables of events: how far each channel is, and what could not be decoded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from resources.warehouse.event_adapter import DeadEvent, Position
from resources.warehouse.state import State


class EventState:
    """The state tables of events behind one open connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, state: State) -> None:
        self._connection = connection
        self._positions = state.table("positions")
        self._dead = state.table("dead_events")

    def position(self, org_id: str, channel: str) -> Position | None:
        """Where a channel is; None if nothing of it was applied."""
        rows = self._connection.execute(
            f"SELECT channel, replay_id, committed_at FROM {self._positions} "
            "WHERE org_id = ? AND channel = ?",
            [org_id, channel],
        ).fetchall()
        return Position(*rows[0]) if rows else None

    def move(self, org_id: str, position: Position) -> None:
        """Write a position down; the time of the last commit never goes back."""
        before = self.position(org_id, position.channel)
        times = [place.committed_at for place in (before, position) if place and place.committed_at]
        self._connection.execute(
            f"DELETE FROM {self._positions} WHERE org_id = ? AND channel = ?",
            [org_id, position.channel],
        )
        self._connection.execute(
            f"INSERT INTO {self._positions} VALUES (?, ?, ?, ?)",
            [org_id, position.channel, position.replay_id, max(times, default=None)],
        )

    def set_aside(
        self, org_id: str, channel: str, events: Sequence[DeadEvent], run_id: str, now: datetime
    ) -> int:
        """Keep events that can't be decoded, each once; how many were new."""
        new = 0
        for event in events:
            known = self._connection.execute(
                f"SELECT count(*) FROM {self._dead} "
                "WHERE org_id = ? AND channel = ? AND event_id = ?",
                [org_id, channel, event.event_id],
            ).fetchall()
            if known[0][0]:
                continue
            new += 1
            self._connection.execute(
                f"INSERT INTO {self._dead} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    *(org_id, channel, event.replay_id, event.event_id, event.schema_id),
                    *(event.payload, event.problem, run_id, now),
                ],
            )
        return new

    def dead(self, org_id: str, channel: str) -> int:
        """Events of a channel that were set aside."""
        rows = self._connection.execute(
            f"SELECT count(*) FROM {self._dead} WHERE org_id = ? AND channel = ?",
            [org_id, channel],
        ).fetchall()
        return int(rows[0][0])
