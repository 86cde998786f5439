"""`python -m pipelines listen`: follows channels until it is told to stop."""

from __future__ import annotations

import gc
import json
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from types import FrameType

import dagster as dg

from assets.spelling import nearest
from pipelines import environment
from pipelines.change_runs import ChangeRuns
from pipelines.listened_channel import ListenedChannel, OrgEvents
from pipelines.listened_starts import ListenedStarts
from pipelines.listener import AppliedRun, Apply, ChannelState, listen
from pipelines.project import Project, UsageError
from pipelines.subscribed import Subscribed
from resources.landing.store import open_store

RUN_EVERY_S = 5.0


def chosen(project: Project, channels: Sequence[str]) -> list[Subscribed]:
    """The named channels, or all that the project subscribes to.

    Raises:
        UsageError: It subscribes to none, or not to one of those.
    """
    known = project.subscribed
    if not known:
        raise UsageError(
            "The project subscribes to no channel: write a SalesforceEvents component into a "
            "folder of pipelines/defs (docs/configuration.md)."
        )
    names = sorted({one.channel for one in known})
    for channel in channels:
        if channel not in names:
            near = nearest(channel, names)
            hint = f" Did you mean {near}?" if near else ""
            raise UsageError(
                f"The project doesn't subscribe to {channel}; it does to {', '.join(names)}.{hint}"
            )
    return [one for one in known if not channels or one.channel in channels]


def listen_to(
    instance: dg.DagsterInstance,
    project: Project,
    subscribed: Sequence[Subscribed],
    *,
    run_every_s: float = RUN_EVERY_S,
) -> list[ChannelState]:
    """Follow the channels until SIGTERM or SIGINT; what became of each."""
    store = open_store(environment.landing_url(), project_root=environment.CHECKOUT)
    orgs = {name: OrgEvents(project.org_resource(name), store) for name in _orgs(subscribed)}
    works = [
        ListenedChannel(one, orgs[one.org], project.warehouse(one.warehouse)) for one in subscribed
    ]
    apply = _apply_to(
        works,
        ChangeRuns(instance, project, subscribed),
        ListenedStarts(instance, project, subscribed, orgs),
    )
    # Dagster makes an instance in memory for each connection that is resolved; its SQLite
    # complains when it is thrown away by another thread than this one.
    gc.collect()
    try:
        with _stopped_by_signals() as stop:
            return listen(works, apply, stop, _tell, run_every_s=run_every_s)
    finally:
        for org in orgs.values():
            org.close()


def _apply_to(works: Sequence[ListenedChannel], runs: ChangeRuns, starts: ListenedStarts) -> Apply:
    """First the tables, so that a job that is started finds its event there."""
    by_channel = {work.channel: work for work in works}

    def apply(channels: Sequence[str]) -> AppliedRun:
        behind = [one for one in channels if by_channel[one].is_table_pending()]
        run = runs.run(behind) if behind else AppliedRun(None, 0.0)
        started, problems = starts.start(channels)
        return replace(
            run,
            problems=problems,
            said={channel: starts.said(channel, one) for channel, one in started.items()},
            waits=frozenset(channel for channel, one in started.items() if one.waits),
        )

    return apply


def as_json(states: Sequence[ChannelState]) -> str:
    """One object for programs."""
    return json.dumps({"status": "done", "channels": [asdict(state) for state in states]}, indent=2)


def _orgs(subscribed: Sequence[Subscribed]) -> list[str]:
    return sorted({one.org for one in subscribed})


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; the second one ends the process as usual."""
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        # The main thread, which waits for the event, may hold the lock that setting it needs.
        threading.Thread(target=stop.set).start()

    kept = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _tell(sentence: str) -> None:
    # A full disk, or a pipe that nobody reads any more, mustn't end what follows a channel.
    with suppress(OSError, ValueError):
        print(sentence, file=sys.stderr, flush=True)
