"""Runs of commands whose process was killed: nobody else would ever end them.

A command works on its runs itself, so that Dagster can't see when it is killed: the run would stay
started, its windows in flight and its places in pools taken, until the pool is full and every run
waits. So each run of a command has a lease, which the operating system frees with the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.utils import make_new_run_id

from resources.landing.local_store import LocalStore

LEASES = "commands"


@contextmanager
def leased_run(instance: dg.DagsterInstance) -> Iterator[str]:
    """The id for a run that this process creates and works on within the block."""
    store = _store(instance)
    run_id = make_new_run_id()
    while (lease := store.try_lease(f"{LEASES}/{run_id}")) is None:
        run_id = make_new_run_id()  # a sweep was just looking at the new folder
    try:
        yield run_id
    finally:
        store.delete_tree(f"{LEASES}/{run_id}")
        lease.release()


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs as failed whose command died, and free their places in pools; their ids."""
    store = _store(instance)
    ended = []
    for run_id in store.list(LEASES):
        lease = store.try_lease(f"{LEASES}/{run_id}")
        if lease is None:
            continue
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            instance.report_run_failed(run, "The process that worked on this run has died.")
            ended.append(run_id)
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)
        store.delete_tree(f"{LEASES}/{run_id}")
        lease.release()
    return ended


def _store(instance: dg.DagsterInstance) -> LocalStore:
    return LocalStore(Path(instance.root_directory))
