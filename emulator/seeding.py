"""The rows that an org begins with, written straight into its tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from emulator.errors import UsageError
from emulator.ids import make_id
from emulator.schema.model import Schema
from emulator.settings import USERNAME
from emulator.store.database import Connection


def seed_rows(
    connection: Connection, schema: Schema, seed: str, rows: Mapping[str, int], now: datetime
) -> None:
    """The base records, the demo history if asked for, and objects filled on demand."""
    stamp = now.replace(tzinfo=None)
    connection.execute(
        'INSERT INTO "Organization" ("Id", "Name", "SystemModstamp", _deleted) '
        "VALUES (?, ?, ?, false)",
        [make_id("00D", 1), "Tidegate", stamp],
    )
    connection.execute(
        'INSERT INTO "User" ("Id", "Username", "Email", "LastName", "IsActive", "TimeZoneSidKey",'
        ' "CreatedDate", "LastModifiedDate", "SystemModstamp", _deleted)'
        " VALUES (?, ?, ?, 'Admin', true, 'Etc/UTC', ?, ?, ?, false)",
        [make_id("005", 1), USERNAME, USERNAME, stamp, stamp, stamp],
    )
    if rows:
        raise UsageError("--rows: not available")
