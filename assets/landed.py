"""What an extract leaves beside its pages, so that the later stages need not ask the org again."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from resources.landing.errors import FormatError
from resources.landing.store import LandingStore, read_json, write_json
from resources.salesforce.arrow_types import widened

FORMAT_VERSION = 1


@dataclass(frozen=True)
class PartitionWindow:
    """One partition that the extract covers."""

    key: str
    start: datetime
    end: datetime
    open_start: bool


@dataclass(frozen=True)
class Landed:
    """How to read the pages of an extract.

    Args:
        schema: The selected fields with the types that describe promises, in SELECT order; numbers
            with more digits than that, see ``make_room``.
        own_fields: Those that were asked for; the others decide which image is newer.
        windows: The partitions it covers; none if it is a read of everything.
        leaving: Manifest id of the rows that no longer match ``where``.
        labels: Labels of the fields, for people.
        described_types: Salesforce's types of the fields.
    """

    schema: pa.Schema
    own_fields: tuple[str, ...]
    windows: tuple[PartitionWindow, ...]
    leaving: str | None
    labels: dict[str, str]
    described_types: dict[str, str]


def write_landed(store: LandingStore, attempt: str, landed: Landed) -> None:
    """Must happen before the manifest is written, which makes the extract count."""
    document = {
        "version": FORMAT_VERSION,
        "schema": base64.b64encode(landed.schema.serialize().to_pybytes()).decode(),
        "own_fields": landed.own_fields,
        "windows": [
            {
                "key": window.key,
                "start": window.start.isoformat(),
                "end": window.end.isoformat(),
                "open_start": window.open_start,
            }
            for window in landed.windows
        ],
        "leaving": landed.leaving,
        "labels": landed.labels,
        "described_types": landed.described_types,
    }
    write_json(store, _path(attempt), document)


def read_landed(store: LandingStore, attempt: str) -> Landed:
    """What ``write_landed`` wrote.

    Raises:
        MissingFileError: It was deleted by age.
        FormatError: Another version of Tidegate wrote it.
    """
    path = _path(attempt)
    document = read_json(store, path)
    if document.get("version") != FORMAT_VERSION:
        raise FormatError(path, f"its format is {document.get('version')}, not {FORMAT_VERSION}")
    return Landed(
        schema=pa.ipc.read_schema(pa.py_buffer(base64.b64decode(document["schema"]))),
        own_fields=tuple(document["own_fields"]),
        windows=tuple(_window(window) for window in document["windows"]),
        leaving=document["leaving"],
        labels=document["labels"],
        described_types=document["described_types"],
    )


def make_room(store: LandingStore, attempt: str, column: str) -> Landed | None:
    """Read this number with the most digits from now on; None if that has been tried."""
    landed = read_landed(store, attempt)
    schema = widened(landed.schema, column)
    if schema is None:
        return None
    roomier = replace(landed, schema=schema)
    write_landed(store, attempt, roomier)
    return roomier


def _window(document: dict[str, Any]) -> PartitionWindow:
    return PartitionWindow(
        key=document["key"],
        start=datetime.fromisoformat(document["start"]),
        end=datetime.fromisoformat(document["end"]),
        open_start=document["open_start"],
    )


def _path(attempt: str) -> str:
    return f"{attempt}/landed.json"
