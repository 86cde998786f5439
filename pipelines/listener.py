"""Follows channels for as long as it is told to: drains each into the inbox, and applies it.

A thread per channel keeps its stream and its lease, so that none waits for another; one thread
applies what has landed, of all channels together. What fails is tried again after a growing wait.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from assets.drain import DrainReport, Until
from pipelines.channel_follower import ChannelFollower
from pipelines.landed_applier import LandedApplier

#: How long to wait for a run that is under way when told to stop.
STOP_PATIENCE_S = 20.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class AppliedRun:
    """What was done with what had landed.

    Args:
        run_id: Of the run that applied it to tables; None: there was nothing for one.
        errors: By channel, what failed in the run.
        problems: By channel, what failed beside it, as sentences.
        said: By channel, what else was done, as sentences.
        waits: Channels of which events are left on purpose; looked at again in a while.
    """

    run_id: str | None
    seconds: float
    errors: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, Sequence[str]] = field(default_factory=dict)
    waits: frozenset[str] = frozenset()


class ChannelWork(Protocol):
    """What there is to do for one channel."""

    @property
    def channel(self) -> str:
        """As ``/data/AccountChangeEvent``."""
        ...

    def drain(self, until: Until, on_landed: Callable[[int], None]) -> DrainReport | None:
        """Land events until told to stop; None if another process drains the channel."""
        ...

    def pending(self) -> bool:
        """Whether events have landed that weren't applied."""
        ...


#: Applies what has landed of some channels; what fails is in the answer, not raised.
Apply = Callable[[Sequence[str]], AppliedRun]


@dataclass
class ChannelState:
    """What became of a channel since the listener began.

    Args:
        status: ``starting``, ``listening``, ``waiting`` (another process drains it), ``failing``
            or ``stopped``.
        events: Events that landed.
        runs: Runs that applied some of them, or tried to.
        failures: How often it was followed anew after an error.
        error: The last thing that went wrong with following it, if it still does.
    """

    channel: str
    status: str = "starting"
    events: int = 0
    runs: int = 0
    failed_runs: int = 0
    failures: int = 0
    error: str | None = None


def listen(
    works: Sequence[ChannelWork],
    apply: Apply,
    stop: threading.Event,
    tell: Tell,
    *,
    run_every_s: float,
) -> list[ChannelState]:
    """Follow all channels until ``stop`` is set; what became of each.

    A run under way is waited for, ``STOP_PATIENCE_S`` at most; what it doesn't get done lies in
    the inbox.
    """
    states = [ChannelState(work.channel) for work in works]
    applier = LandedApplier(works, states, apply, stop, tell, run_every_s)
    followers = [
        ChannelFollower(work, state, applier.landed, stop, tell)
        for work, state in zip(works, states, strict=True)
    ]
    working = [(applier.name, applier.run), *((one.name, one.run) for one in followers)]
    # Daemons: what hangs must not keep the process from its end.
    threads = [threading.Thread(target=target, name=name, daemon=True) for name, target in working]
    for thread in threads:
        thread.start()
    stop.wait()
    deadline_s = time.monotonic() + STOP_PATIENCE_S
    for thread in threads:
        thread.join(max(0.0, deadline_s - time.monotonic()))
        if thread.is_alive():
            tell(f"{thread.name}: goes on for too long to be waited for")
    return states
