"""Deletes what is old in the landing store; never what a live process works on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from resources.landing import paths
from resources.landing.store import LandingStore


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: folders deleted and bytes freed, and old folders that are in use."""

    deleted: tuple[str, ...]
    bytes: int
    live: tuple[str, ...]


def sweep(store: LandingStore, *, older_than: timedelta, now: datetime) -> Swept:
    """Delete attempts, frames and loads that were begun longer ago than ``older_than``."""
    deleted: list[str] = []
    live: list[str] = []
    freed_bytes = 0
    for folder in _dated_folders(store):
        begun_at = paths.stamp_time(folder.rsplit("/", 1)[1])
        if begun_at is None or now - begun_at <= older_than:
            continue
        lease = store.try_lease(folder)
        if lease is None:
            live.append(folder)
            continue
        freed_bytes += store.size(folder)
        store.delete_tree(folder)
        lease.release()
        deleted.append(folder)
    return Swept(tuple(deleted), freed_bytes, tuple(live))


def _dated_folders(store: LandingStore) -> Iterator[str]:
    # extracts/<org>/<object>/<digest>/<stamp>, of the others <folder>/<org>/<name>/<stamp>
    yield from _below(store, paths.EXTRACTS, levels=4)
    for folder in (paths.FRAMES, paths.OUTBOUND, paths.LOADS):
        yield from _below(store, folder, levels=3)


def _below(store: LandingStore, folder: str, levels: int) -> Iterator[str]:
    for name in store.list(folder):
        path = f"{folder}/{name}"
        if levels == 1:
            yield path
        else:
            yield from _below(store, path, levels - 1)
