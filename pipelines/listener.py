"""Follows channels for as long as it is told to: drains each into the inbox, and applies it.

Two threads per channel, so that none waits for another: one keeps the stream and the channel's
lease, one applies what has landed. What fails is tried again after a growing wait; the other
channels don't notice.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from assets.drain import DrainReport, Until
from pipelines import listener_plan as plan
from resources.landing.errors import LostLeaseError

logger = logging.getLogger(__name__)

#: How often it is looked whether a channel that another process drains has become free.
LEASE_LOOK_S = 2.0
#: A stream that wasn't refused for so long is open.
OPEN_AFTER_S = 1.0
#: How long to wait for runs that are under way when told to stop.
STOP_PATIENCE_S = 20.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class AppliedRun:
    """What one run did with what had landed."""

    run_id: str
    done: bool
    seconds: float
    error: str | None = None


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

    def apply(self) -> AppliedRun:
        """Apply what has landed; failures are in the answer, not raised."""
        ...


@dataclass
class ChannelState:
    """What became of a channel since the listener began.

    Args:
        status: ``listening``, ``waiting`` (another process drains it), ``failing`` or ``stopped``.
        failures: How often it was followed anew after an error.
        error: The last thing that went wrong, if it still does.
    """

    channel: str
    status: str = "starting"
    events: int = 0
    runs: int = 0
    failed_runs: int = 0
    failures: int = 0
    error: str | None = None


def listen(
    works: Sequence[ChannelWork], stop: threading.Event, tell: Tell, *, run_every_s: float
) -> list[ChannelState]:
    """Follow all channels until ``stop`` is set; what became of each.

    Runs under way are waited for, ``STOP_PATIENCE_S`` at most; what they don't get done lies in
    the inbox.
    """
    followed = [_Followed(work, stop, tell, run_every_s) for work in works]
    for one in followed:
        one.start()
    stop.wait()
    deadline_s = time.monotonic() + STOP_PATIENCE_S
    for one in followed:
        one.join(deadline_s)
    return [one.state for one in followed]


class _Followed:
    """One channel and its two threads."""

    def __init__(
        self, work: ChannelWork, stop: threading.Event, tell: Tell, run_every_s: float
    ) -> None:
        self.state = ChannelState(work.channel)
        self._work, self._stop, self._run_every_s = work, stop, run_every_s
        self._tell: Tell = lambda sentence: tell(f"{work.channel}: {sentence}")
        # Set at the start: events may have landed before a kill.
        self._landed = threading.Event()
        self._landed.set()
        targets = {"drain": self._keep_draining, "apply": self._keep_applying}
        self._threads = [
            # Daemons: a run that hangs must not keep the process from its end.
            threading.Thread(target=target, name=f"{name} {work.channel}", daemon=True)
            for name, target in targets.items()
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self, deadline_s: float) -> None:
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))
            if thread.is_alive():
                self._tell("a run goes on too long to be waited for")
        if self.state.error is None:
            self.state.status = "stopped"

    def _keep_draining(self) -> None:
        failures = 0
        while not self._stop.is_set():
            begun_s = time.monotonic()
            try:
                drained = self._drain()
            except LostLeaseError:
                drained = False
            except Exception as error:  # whatever it is, the channel must go on
                failures = plan.failures_in_a_row(failures, time.monotonic() - begun_s)
                self._failed(error, plan.wait_s(failures, random.random()))
                continue
            if not drained:
                self._enter("waiting", "another process drains it")
                self._stop.wait(LEASE_LOOK_S)

    def _drain(self) -> bool:
        begun_s = time.monotonic()

        def stopped() -> bool:
            """Asked several times a second by a drain that has the channel's lease."""
            if time.monotonic() - begun_s >= OPEN_AFTER_S:
                self._enter("listening", "listening")
            return self._stop.is_set()

        return self._work.drain(Until(stopped=stopped), self._on_landed) is not None

    def _enter(self, status: str, sentence: str) -> None:
        if self.state.status != status:
            self.state.status, self.state.error = status, None
            self._tell(sentence)

    def _failed(self, error: Exception, wait_s: float) -> None:
        logger.debug("%s", self._work.channel, exc_info=error)
        self.state.status, self.state.error = "failing", _text(error)
        self.state.failures += 1
        self._tell(f"{_text(error)} Again in {wait_s:.0f} s.")
        self._stop.wait(wait_s)

    def _on_landed(self, events: int) -> None:
        self._enter("listening", "listening")
        self.state.events += events
        self._landed.set()

    def _keep_applying(self) -> None:
        begun_s: float | None = None
        failures = 0
        while self._next_run(begun_s):
            before_s, begun_s = begun_s, time.monotonic()
            done = self._apply()
            if done is None:
                begun_s = before_s
            elif done:
                failures = 0
            else:
                failures += 1
                self._landed.set()
                self._stop.wait(plan.wait_s(failures, random.random()))

    def _next_run(self, begun_s: float | None) -> bool:
        """Wait until there is something to apply, and time for it; False when told to stop."""
        while not self._landed.wait(0.5):
            if self._stop.is_set():
                return False
        return not self._stop.wait(plan.apply_in_s(time.monotonic(), begun_s, self._run_every_s))

    def _apply(self) -> bool | None:
        """Whether a run was done; None if there was nothing to apply."""
        self._landed.clear()
        try:
            if not self._work.pending():
                return None
            run = self._work.apply()
        except Exception as error:  # as in `_keep_draining`
            logger.debug("%s", self._work.channel, exc_info=error)
            run = AppliedRun("", False, 0.0, _text(error))
        self.state.runs += 1
        if run.done:
            self._tell(f"applied in {run.seconds:.1f} s (run {run.run_id})")
        else:
            self.state.failed_runs += 1
            self._tell(f"run {run.run_id} failed: {run.error}")
        return run.done


def _text(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text if text.endswith(".") else f"{text}."
