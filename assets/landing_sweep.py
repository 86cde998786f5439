"""Deletes what is old in the landing store, at the end of the first step of a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dagster as dg

from resources.landing.errors import FormatError, LandingError
from resources.landing.inbox_janitor import sweep_inbox
from resources.landing.janitor import Swept, sweep
from resources.landing.resource import LandingResource
from resources.landing.store import LandingStore, read_json, write_json

LAST_SWEEP = "last_sweep.json"
# Listing an object store costs requests, and a day more or less doesn't matter.
SWEEP_EVERY = timedelta(days=1)


def sweep_after(context: dg.AssetExecutionContext, landing: LandingResource) -> None:
    """Sweep at the end of a step, as the setting says; see ``sweep_daily``."""
    sweep_daily(
        landing.open(),
        keep_days=landing.keep_days,
        now=datetime.now(UTC),
        report=context.log.info,
        warn=context.log.warning,
    )


def sweep_daily(
    store: LandingStore,
    *,
    keep_days: float,
    now: datetime,
    report: Callable[[str], None],
    warn: Callable[[str], None],
) -> None:
    """Sweep unless somebody did within a day; never fails, since the tables are already right."""
    try:
        last = _last_sweep(store)
        if last is not None and now - last < SWEEP_EVERY:
            return
        # Written first: steps that end at the same time needn't all list the store.
        write_json(store, LAST_SWEEP, {"at": now.isoformat()})
        swept = _sweep(store, timedelta(days=keep_days), now)
    except (LandingError, OSError) as error:
        warn(f"Old files of the landing store weren't deleted: {error}")
        return
    if swept.deleted:
        report(
            f"Deleted what was older than {keep_days:g} days in the landing store: "
            f"{swept.bytes:,} bytes, folders {', '.join(swept.deleted)}"
        )
    if swept.live:
        report(f"Kept older ones that a run works on: {', '.join(swept.live)}")


def _sweep(store: LandingStore, older_than: timedelta, now: datetime) -> Swept:
    runs = sweep(store, older_than=older_than, now=now)
    events = sweep_inbox(store, older_than=older_than, now=now)
    return Swept(
        (*runs.deleted, *events.deleted), runs.bytes + events.bytes, (*runs.live, *events.live)
    )


def _last_sweep(store: LandingStore) -> datetime | None:
    if not store.exists(LAST_SWEEP):
        return None
    try:
        return datetime.fromisoformat(read_json(store, LAST_SWEEP)["at"])
    except (FormatError, KeyError, ValueError):
        return None
