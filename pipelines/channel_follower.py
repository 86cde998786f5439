"""Keeps one channel drained, whatever goes wrong with it."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from assets.drain import Until
from pipelines import listener_plan as plan
from resources.landing.errors import LostLeaseError

if TYPE_CHECKING:
    from pipelines.listener import ChannelState, ChannelWork, Tell

logger = logging.getLogger(__name__)

#: How often it is looked whether a channel that another process drains has become free.
LEASE_LOOK_S = 2.0
#: A stream that wasn't refused for so long is open.
OPEN_AFTER_S = 1.0


class ChannelFollower:
    """Drains a channel until told to stop, again and again if need be."""

    def __init__(
        self,
        work: ChannelWork,
        state: ChannelState,
        landed: Callable[[str], None],
        stop: threading.Event,
        tell: Tell,
    ) -> None:
        self.name = work.channel
        self._work, self._state, self._stop = work, state, stop
        self._landed, self._tell = landed, tell

    def run(self) -> None:
        """What the channel's thread does."""
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
        if self._state.error is None:
            self._state.status = "stopped"

    def _drain(self) -> bool:
        begun_s = time.monotonic()

        def stopped() -> bool:
            """Asked several times a second by a drain that has the channel's lease."""
            if time.monotonic() - begun_s >= OPEN_AFTER_S:
                self._enter("listening", "listening")
            return self._stop.is_set()

        return self._work.drain(Until(stopped=stopped), self._on_landed) is not None

    def _on_landed(self, events: int) -> None:
        self._enter("listening", "listening")
        self._state.events += events
        self._landed(self.name)

    def _enter(self, status: str, sentence: str) -> None:
        if self._state.status != status:
            self._state.status, self._state.error = status, None
            self._tell(f"{self.name}: {sentence}")

    def _failed(self, error: Exception, wait_s: float) -> None:
        logger.debug("%s", self.name, exc_info=error)
        self._state.status, self._state.error = "failing", text_of(error)
        self._state.failures += 1
        self._tell(f"{self.name}: {text_of(error)} Again in {wait_s:.0f} s.")
        self._stop.wait(wait_s)


def text_of(error: Exception) -> str:
    """What an error says, as a sentence."""
    text = str(error).strip() or type(error).__name__
    return text if text.endswith(".") else f"{text}."
