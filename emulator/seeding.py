"""The rows that an org begins with, written straight into its tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from emulator.fixtures.base import base_records
from emulator.fixtures.demo import demo
from emulator.fixtures.rows import fill
from emulator.schema.model import Schema
from emulator.store.database import Connection


def seed_rows(
    connection: Connection, schema: Schema, seed: str, rows: Mapping[str, int], now: datetime
) -> None:
    """The base records, the demo history if asked for, and objects filled on demand."""
    base_records(connection, schema, now)
    if seed == "demo":
        demo(connection, schema, now)
    for object_name, count in rows.items():
        fill(connection, schema, object_name, count, now)
