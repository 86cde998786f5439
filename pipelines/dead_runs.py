"""Runs whose process was killed: nobody else would ever end them.

Dagster's default launcher can't see that a run's process died, and a command works on its runs
itself. Such a run would stay started, its windows in flight and its places in pools taken, until
the pool is full and every run waits. So whoever works on a run has a lease on it, which the
operating system frees with the process.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.utils import make_new_run_id

from resources.landing.local_store import HIDDEN, LocalStore

LEASES = "runs_at_work"


@contextmanager
def leased_run(instance: dg.DagsterInstance) -> Iterator[str]:
    """The id for a run that this process creates and works on within the block."""
    run_id = make_new_run_id()
    end_lease = _lease(instance, run_id)
    try:
        yield run_id
    finally:
        end_lease()


def lease_while_alive(owner: object, instance: dg.DagsterInstance, run_id: str) -> None:
    """Show that this process works on the run until ``owner`` is gone; it may do so already."""
    weakref.finalize(owner, _lease(instance, run_id))


def _lease(instance: dg.DagsterInstance, run_id: str) -> Callable[[], None]:
    """What ends the lease."""
    store = _store(instance)
    final, hidden = f"{LEASES}/{run_id}", f"{LEASES}/{HIDDEN}{run_id}"
    lease = None if store.local_path(final).exists() else store.try_lease(hidden)
    if lease is None:
        return lambda: None
    # Nobody sees the folder before it is leased, and takes the run for a dead one.
    store.local_path(hidden).rename(store.local_path(final))

    def end() -> None:
        store.delete_tree(final)
        lease.release()

    return end


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs as failed whose process died, and free their places in pools; their ids."""
    store = _store(instance)
    ended = []
    for run_id in store.list(LEASES):
        lease = store.try_lease(f"{LEASES}/{run_id}")
        if lease is None:
            continue
        try:
            run = instance.get_run_by_id(run_id)
            if run is not None and not run.is_finished:
                instance.report_run_failed(run, "The process that worked on this run has died.")
                ended.append(run_id)
            instance.event_log_storage.free_concurrency_slots_for_run(run_id)
            store.delete_tree(f"{LEASES}/{run_id}")
        finally:
            # Kept after an error, it would be held by this process, and nobody would try again.
            lease.release()
    return ended


def _store(instance: dg.DagsterInstance) -> LocalStore:
    return LocalStore(Path(instance.root_directory))
