"""What a run says in its log while it goes on, for whoever waits for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg


@contextmanager
def messages_of(
    instance: dg.DagsterInstance,
    run_id: str,
    warn: Callable[[str], None],
    inform: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Tell warnings of the run within the block, and what else it says, from a thread of Dagster's.

    Steps in processes of their own hand over Dagster's events, and no log messages; these are
    in the instance's event log, which is followed.
    """

    def see(entry: dg.EventLogEntry, _cursor: str) -> None:
        if entry.dagster_event is not None:
            return
        if int(entry.level) >= logging.WARNING:
            warn(entry.user_message)
        elif inform and int(entry.level) >= logging.INFO:
            inform(entry.user_message)

    instance.watch_event_logs(run_id, None, see)
    try:
        yield
    finally:
        instance.end_watch_event_logs(run_id, see)


def pool_wait(event: dg.DagsterEvent) -> str | None:
    """The sentence for a step that waits for a place in a pool, else None."""
    if event.event_type != dg.DagsterEventType.ENGINE_EVENT:
        return None
    pool = event.engine_event_data.metadata.get("pool")
    if pool is None:
        return None
    return f"{event.step_key}: waiting for a place in the pool {pool.value}, which is full"
