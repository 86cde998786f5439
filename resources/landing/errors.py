"""What can go wrong with the landing store, split by what the caller can do."""

from __future__ import annotations

from datetime import datetime


class LandingError(Exception):
    """Root of all errors of the landing store."""


class MissingFileError(LandingError):
    """A file that should be in the landing store isn't there."""

    def __init__(self, store: str, path: str) -> None:
        super().__init__(store, path)
        self.store, self.path = store, path

    def __str__(self) -> str:
        return (
            f"{self.path} isn't in the landing store {self.store}. It was deleted by age or by "
            "hand; run the extract again."
        )


class FormatError(LandingError):
    """A file of the landing store that this version can't read."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        if self.path.startswith("inbox/"):
            advice = "restore it: events that weren't applied lie beside it"
        else:
            advice = "delete its folder and run the extract again"
        said = f"{self.path} can't be read: {self.problem}."
        return f"{said} Use the version that wrote it, or {advice}."


class LedgerOrderError(LandingError):
    """A step was recorded that doesn't follow from those before: a bug of the caller."""

    def __init__(self, attempt: str, step: str, problem: str) -> None:
        super().__init__(attempt, step, problem)
        self.attempt, self.step, self.problem = attempt, step, problem

    def __str__(self) -> str:
        return f"{self.step} doesn't fit into the ledger of {self.attempt}: {self.problem}."


class LostLeaseError(LandingError):
    """Another process took over what this one was working on."""

    def __init__(self, path: str, idle_s: float) -> None:
        super().__init__(path, idle_s)
        self.path, self.idle_s = path, idle_s

    def __str__(self) -> str:
        return (
            f"The lease on {self.path} ended after {self.idle_s:,.0f} s without a sign of life "
            "and now belongs to another process. Run again."
        )


class LoadOvertakenError(LandingError):
    """Another run began to send this load after these rows were worked out: they may be its own."""

    def __init__(self, load: str, begun_at: datetime) -> None:
        super().__init__(load, begun_at)
        self.load, self.begun_at = load, begun_at

    def __str__(self) -> str:
        return (
            f"another run began to send the load {self.load} at {self.begun_at:%Y-%m-%d %H:%M:%S} "
            "UTC, while these rows were worked out or after that, and may have sent the same ones"
        )


class LoadBusyError(LandingError):
    """Another process is sending this load, or working out what to send."""

    def __init__(self, load: str, path: str) -> None:
        super().__init__(load, path)
        self.load, self.path = load, path

    def __str__(self) -> str:
        return (
            f"Another run works on the load {self.load} ({self.path} is leased), and two at once "
            "would send rows twice. Run again when it has ended."
        )
