"""The command line of `python -m emulator`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from emulator.timestamps import parse_moment

CLIENT_ID = "tidegate"
CLIENT_SECRET = "tidegate-secret"
USERNAME = "admin@tidegate.test"
PASSWORD = "tidegate"
DEMO_CDC_OBJECTS = ("Account", "Contact", "Order__c")
SEEDS = ("demo", "empty")


@dataclass(frozen=True)
class Settings:
    """How an org is started."""

    host: str = "127.0.0.1"
    port: int = 8040
    pubsub_port: int = 8041
    seed: str = "demo"
    rows: dict[str, int] = field(default_factory=dict)
    schema_file: Path | None = None
    data_folder: Path | None = None
    clock: datetime | None = None
    cdc_objects: tuple[str, ...] | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None


def read_settings(arguments: Sequence[str] | None = None) -> Settings:
    """Settings from the command line; exits with 2 when it is wrong."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.host not in ("127.0.0.1", "localhost", "::1"):
        parser.error(f"--host {given.host}: the emulator serves this machine only, e.g. 127.0.0.1")
    if (given.tls_cert is None) != (given.tls_key is None):
        parser.error("--tls-cert and --tls-key go together")
    return Settings(
        host=given.host,
        port=given.port,
        pubsub_port=given.pubsub_port,
        seed=given.seed,
        rows=dict(given.rows),
        schema_file=given.schema,
        data_folder=None if given.data == ":memory:" else Path(given.data),
        clock=given.clock,
        cdc_objects=given.cdc,
        tls_certificate=given.tls_cert,
        tls_key=given.tls_key,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m emulator", description="A Salesforce org on this machine."
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="loopback address to listen on")
    add("--port", type=int, default=8040, help="HTTP port; 0 is any free one")
    add("--pubsub-port", type=int, default=8041, help="gRPC port; 0 is any free one")
    add("--seed", choices=SEEDS, default="demo", help="rows that the org begins with")
    add("--rows", type=_rows, action="append", default=[], metavar="OBJECT=N",
        help="fill an object with N realistic rows; may be repeated")  # fmt: skip
    add("--schema", type=_file, metavar="FILE", help="YAML with further objects and fields")
    add("--data", default=":memory:", metavar="PATH", help="folder that keeps the org")
    add("--clock", type=_moment, metavar="ISO", help="the org's time at start")
    add("--cdc", type=_names, metavar="OBJECT,…", help="objects with change events")
    add("--tls-cert", type=_file, metavar="FILE")
    add("--tls-key", type=_file, metavar="FILE")
    return parser


def _rows(text: str) -> tuple[str, int]:
    name, equals, number = text.partition("=")
    if not (name and equals and number.replace("_", "").isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} isn't OBJECT=N, e.g. Account=1000")
    return name, int(number)


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path


def _moment(text: str) -> datetime:
    try:
        return parse_moment(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} isn't an ISO datetime, e.g. 2026-09-30T22:00:00Z"
        ) from None


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
