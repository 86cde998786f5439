"""Things going wrong on request: which requests a fault meets, and what it does to them."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from emulator.errors import ControlError
from emulator.limits import MAXIMA
from emulator.pubsub.error_codes import STATUSES

JOB_FATES = ("fail", "abort", "stall")
# What becomes of a change when it is journaled, and of a stream when it is served.
CHANGE_FATES = ("gap", "overflow", "wildcard")
EVENT_FATES = (*CHANGE_FATES, "expire_replay", "silence", "drop", "duplicate", "refuse")
_MATCH_KEYS = {"method", "path", "object"}
_FAULT_KEYS = {"match", "times", "after", "probability", "do"}
# What a fault can do, by the key that names it; the values say which keys may stand beside it.
_DO_KEYS: dict[str, set[str]] = {
    "status": {"body", "headers"},
    "cut_after_bytes": {"clean"},
    "delay_s": set(),
    "throttle_bytes_s": set(),
    "expire_token": set(),
    "limits": set(),
    "job": {"done_share"},
    "lock": set(),
    "event": {"code"},
}


@dataclass
class Fault:
    """One fault. `times` counts down with each hit, `after` with each request let through."""

    number: int
    do: Mapping[str, Any]
    method: str | None = None
    path: str | None = None
    object_name: str | None = None
    times: int | None = None
    after: int = 0
    probability: float = 1.0
    hits: int = 0
    source: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return next(key for key in _DO_KEYS if key in self.do)

    def meets(self, method: str, path: str, objects: Callable[[], set[str]]) -> bool:
        """Whether it is about such a request."""
        if self.method is not None and self.method != method:
            return False
        if self.path is not None and not fnmatchcase(path.rstrip("/"), self.path.rstrip("/")):
            return False
        return self.object_name is None or self.object_name.lower() in objects()


class Faults:
    """The faults that are set, in the order of their setting; all that meet a request act."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._made = 0
        self.clearings = 0

    def add(self, body: Any) -> Fault:
        """Set a fault, as the control's JSON describes it.

        Raises:
            ControlError: It isn't one.
        """
        with self._lock:
            self._made += 1
            fault = _read_fault(self._made, body)
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """No faults any more; stalled jobs go on (they watch `clearings`)."""
        with self._lock:
            self._faults.clear()
            self.clearings += 1

    def as_json(self) -> list[dict[str, Any]]:
        """The faults with what is left of them."""
        with self._lock:
            return [
                {**fault.source, "number": fault.number, "hits": fault.hits, "times": fault.times}
                for fault in self._faults
            ]

    def take_event(
        self, fates: set[str], *objects: str, rpc: str = "", topic: str = ""
    ) -> str | None:
        """Which of these fates meets a change or a stream; it is used up by that.

        Args:
            objects: Names of the objects that it is about.
            rpc: What `method` of a fault is compared with.
            topic: What its `path` is compared with.
        """
        done = self._take_event(fates, *objects, rpc=rpc, topic=topic)
        return str(done["event"]) if done else None

    def take_refusal(self, *objects: str, rpc: str, topic: str) -> str | None:
        """The `error-code` with which a call, or a stream about to send, is refused."""
        done = self._take_event({"refuse"}, *objects, rpc=rpc, topic=topic)
        return str(done["code"]) if done else None

    def _take_event(self, fates: set[str], *objects: str, rpc: str, topic: str) -> dict[str, Any]:
        if not self._faults:
            return {}
        names = {name.lower() for name in objects}
        return self.take(
            {"event"}, rpc.upper(), topic, lambda: names, lambda do: do["event"] in fates
        )

    def take(
        self,
        kinds: set[str],
        method: str,
        path: str,
        objects: Callable[[], set[str]],
        only: Callable[[Mapping[str, Any]], bool] = lambda do: True,
    ) -> dict[str, Any]:
        """What the faults of these kinds do to this request, merged; they are used up by it."""
        done: dict[str, Any] = {}
        with self._lock:
            for fault in list(self._faults):
                if fault.kind not in kinds or not only(fault.do):
                    continue
                if not fault.meets(method, path, objects):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                elif self.strikes(fault.probability):
                    done |= fault.do
                    self._use(fault)
        return done

    @staticmethod
    def strikes(probability: float) -> bool:
        """Throw the dice."""
        return random.random() < probability

    def _use(self, fault: Fault) -> None:
        fault.hits += 1
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                self._faults.remove(fault)


def _read_fault(number: int, body: Any) -> Fault:
    if not isinstance(body, dict):
        raise ControlError("a fault is a JSON object")
    _only(body, _FAULT_KEYS, "a fault")
    match = body.get("match") or {}
    _only(match, _MATCH_KEYS, "match")
    do = body.get("do")
    if not isinstance(do, dict):
        raise ControlError("a fault needs `do`, an object")
    kinds = [key for key in _DO_KEYS if key in do]
    if len(kinds) != 1:
        raise ControlError(f"`do` holds one of {', '.join(_DO_KEYS)}; got {sorted(do)}")
    _only(do, {kinds[0]} | _DO_KEYS[kinds[0]], "do")
    _check_do(do, kinds[0])
    _check_match(match)
    times, after, probability = body.get("times"), body.get("after", 0), body.get("probability", 1)
    if times is not None and not (_is_number(times) and times >= 1):
        raise ControlError(f"`times` is a number from 1 up; got {times!r}")
    if not _is_number(after):
        raise ControlError(f"`after` is a number from 0 up; got {after!r}")
    if not (_is_number(probability) and probability <= 1):
        raise ControlError(f"`probability` is a number from 0 to 1; got {probability!r}")
    method = match.get("method")
    return Fault(
        number,
        do,
        method.upper() if method else None,
        match.get("path"),
        match.get("object"),
        times,
        after,
        probability,
        source=body,
    )


def _check_match(match: Mapping[str, Any]) -> None:
    for key, value in match.items():
        if value is not None and not isinstance(value, str):
            raise ControlError(f"`match.{key}` is a text; got {value!r}")


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and value >= 0


def _check_do(do: Mapping[str, Any], kind: str) -> None:
    value = do[kind]
    if kind == "job" and value not in JOB_FATES:
        raise ControlError(f"`job` is one of {', '.join(JOB_FATES)}; got {value!r}")
    if not (_is_number(share := do.get("done_share", 0)) and share <= 1):
        raise ControlError(f"`done_share` is a number from 0 to 1; got {share!r}")
    if kind == "event" and value not in EVENT_FATES:
        raise ControlError(f"`event` is one of {', '.join(EVENT_FATES)}; got {value!r}")
    code = do.get("code")
    if (value == "refuse") != (code is not None) or code not in (None, *STATUSES):
        raise ControlError(f"`code` goes with `refuse`, one of {', '.join(sorted(STATUSES))}")
    if kind == "limits":
        if not isinstance(value, dict):
            raise ControlError("`limits` is an object of allowance and what is left of it")
        _only(value, set(MAXIMA), "limits")
    numbers = ("status", "cut_after_bytes", "delay_s", "throttle_bytes_s", "lock")
    if kind in numbers and not _is_number(value):
        raise ControlError(f"`{kind}` is a number from 0 up; got {value!r}")


def _only(value: Any, keys: set[str], what: str) -> None:
    if not isinstance(value, dict):
        raise ControlError(f"{what} is a JSON object")
    unknown = sorted(set(value) - keys)
    if unknown:
        raise ControlError(f"{what} knows {', '.join(sorted(keys))}; got {', '.join(unknown)}")
