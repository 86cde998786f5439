"""Applies what has landed, of all channels that are due in one run.

One run at a time: Dagster configures the logging of its whole process at the start of each, and
two that begin at once in two threads wait for each other for ever.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines import listener_plan as plan
from pipelines.channel_follower import text_of

if TYPE_CHECKING:
    from pipelines.listener import AppliedRun, Apply, ChannelState, ChannelWork, Tell

logger = logging.getLogger(__name__)

#: How often it is looked whether to stop.
LOOK_EACH_S = 0.5
#: When events that were left on purpose are looked at again.
WAIT_S = 5.0


class LandedApplier:
    """Makes runs for channels of which something has landed."""

    name = "runs"

    def __init__(
        self,
        works: Sequence[ChannelWork],
        states: Sequence[ChannelState],
        apply: Apply,
        stop: threading.Event,
        tell: Tell,
        run_every_s: float,
    ) -> None:
        self._works = {work.channel: work for work in works}
        self._states = {state.channel: state for state in states}
        self._apply, self._stop, self._tell = apply, stop, tell
        self._run_every_s = run_every_s
        self._failures = dict.fromkeys(self._works, 0)
        self._not_before_s = dict.fromkeys(self._works, 0.0)
        self._told: dict[str, Sequence[str]] = dict.fromkeys(self._works, ())
        # All of them: events may have landed before a kill.
        self._waiting = set(self._works)
        self._changed = threading.Condition()

    def landed(self, channel: str) -> None:
        """Tell that events of a channel have landed."""
        with self._changed:
            self._waiting.add(channel)
            self._changed.notify()

    def run(self) -> None:
        """What the thread of runs does."""
        while not self._stop.is_set():
            with self._changed:
                times = {one: self._not_before_s[one] for one in self._waiting}
                due, wait_s = plan.due(times, time.monotonic())
                if not due:
                    self._changed.wait(min(wait_s, LOOK_EACH_S))
                    continue
                self._waiting -= set(due)
            self._apply_to(due)

    def _apply_to(self, due: Sequence[str]) -> None:
        begun_s = time.monotonic()
        pending = [channel for channel in due if self._is_pending(channel)]
        if not pending:
            return
        try:
            run = self._apply(pending)
        except Exception as error:  # whatever it is, the channels must go on
            logger.debug("a run of %s", pending, exc_info=error)
            for channel in pending:
                self._failed(channel, text_of(error))
            return
        for channel in pending:
            self._note(channel, run, begun_s)

    def _is_pending(self, channel: str) -> bool:
        try:
            return self._works[channel].pending()
        except Exception as error:  # as above
            logger.debug("%s", channel, exc_info=error)
            self._failed(channel, text_of(error))
            return False

    def _note(self, channel: str, run: AppliedRun, begun_s: float) -> None:
        state = self._states[channel]
        state.runs += run.run_id is not None
        self._tell_once(channel, run.said.get(channel, ()))
        if channel in run.errors:
            state.failed_runs += 1
            self._failed(channel, f"run {run.run_id} failed: {run.errors[channel]}")
            return
        if channel in run.problems:
            self._failed(channel, run.problems[channel])
            return
        self._failures[channel] = 0
        self._not_before_s[channel] = begun_s + self._run_every_s
        if run.run_id is not None:
            self._tell(f"{channel}: applied in {run.seconds:.1f} s (run {run.run_id})")
        if channel in run.waits:
            self._not_before_s[channel] = time.monotonic() + max(WAIT_S, self._run_every_s)
            self.landed(channel)

    def _tell_once(self, channel: str, sentences: Sequence[str]) -> None:
        """What stays the same while events wait isn't said again."""
        for sentence in sentences:
            if sentence not in self._told[channel]:
                self._tell(f"{channel}: {sentence}")
        self._told[channel] = tuple(sentences)

    def _failed(self, channel: str, what: str) -> None:
        """Try again without a further event, later each time."""
        self._failures[channel] += 1
        wait_s = plan.wait_s(self._failures[channel], random.random())
        self._not_before_s[channel] = time.monotonic() + wait_s
        self._tell(f"{channel}: {what} Again in {wait_s:.0f} s.")
        self.landed(channel)
