"""What can be wrong with an asset's settings or inputs.

AssetError
├── NameCollisionError       two Salesforce names become one warehouse name
├── UnknownObjectError       the org has no such object, or the user can't see it
├── UnknownFieldsError       configured fields that the user can't see
├── FieldNotExtractableError a compound or base64 field was asked for by name
├── MaskedFieldMissingError  a field to be masked isn't selected
├── NoModstampError          windows for an object without SystemModstamp
├── WindowNotOverError       the window may still receive commits
├── MissingInputError        a stage has nothing to start from
├── LoadMappingError         a load's mapping doesn't fit the query or the object
├── LoadSourceMissingError   the table of a load's source isn't there
├── InsertsInDoubtError      rows that were sent, and nobody knows whether they were inserted
├── MaskKeyMissingError      fields are to be masked and there's no key
├── UndecodedEventsError     events that can't be read hold a channel up
├── UnknownEventError        the org has no such platform event, or the user can't see it
├── EventRowsError           rows of a file that can't become events
└── HookError                the user's transform function did something it mustn't
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime


class AssetError(Exception):
    """Something about one asset that trying again won't mend."""


class NameCollisionError(AssetError):
    """Two Salesforce names become one warehouse name."""

    def __init__(self, name: str, first: str, second: str) -> None:
        super().__init__(name, first, second)
        self.name, self.first, self.second = name, first, second

    def __str__(self) -> str:
        return (
            f"{self.first} and {self.second} would both be called {self.name} in the warehouse. "
            "Exclude one of them, or set `naming: api`."
        )


class UnknownObjectError(AssetError):
    """The org has no such object, or the user can't see it."""

    def __init__(self, object_name: str, nearest: str | None) -> None:
        super().__init__(object_name, nearest)
        self.object_name, self.nearest = object_name, nearest

    def __str__(self) -> str:
        hint = f" Did you mean {self.nearest}?" if self.nearest else ""
        return (
            f"The org has no object {self.object_name} that this user can see.{hint} "
            "Otherwise give the user's profile or permission set read access to it."
        )


class UnknownFieldsError(AssetError):
    """Configured fields that describe doesn't show: misspelt, or hidden by field-level security."""

    def __init__(self, object_name: str, nearest: Mapping[str, str | None]) -> None:
        super().__init__(object_name, dict(nearest))
        self.object_name, self.nearest = object_name, dict(nearest)

    def __str__(self) -> str:
        named = ", ".join(
            f"{name} (did you mean {near}?)" if near else name
            for name, near in self.nearest.items()
        )
        return (
            f"{self.object_name} has no field {named} that this user can see: misspelt, or hidden "
            "by field-level security. Correct the name, or give the user's profile or permission "
            "set read access to the field."
        )


class FieldNotExtractableError(AssetError):
    """A field was asked for by name that no query can bring as a column."""

    def __init__(self, object_name: str, field_name: str, field_type: str) -> None:
        super().__init__(object_name, field_name, field_type)
        self.object_name, self.field_name, self.field_type = object_name, field_name, field_type

    def __str__(self) -> str:
        return (
            f"{self.object_name}.{self.field_name} is of type {self.field_type}, which isn't "
            "extracted. Remove it from `fields`."
        )


class MaskedFieldMissingError(AssetError):
    """A field to be masked isn't selected, so nothing would be masked."""

    def __init__(self, object_name: str, field_name: str) -> None:
        super().__init__(object_name, field_name)
        self.object_name, self.field_name = object_name, field_name

    def __str__(self) -> str:
        return (
            f"{self.object_name}: `mask` names {self.field_name}, which isn't among the selected "
            "fields. Add it to `fields`, or remove it from `mask`."
        )


class NoModstampError(AssetError):
    """Windows on SystemModstamp are configured for an object that has none."""

    def __init__(self, object_name: str) -> None:
        super().__init__(object_name)
        self.object_name = object_name

    def __str__(self) -> str:
        return (
            f"{self.object_name} has no SystemModstamp that this user can see, so it has no "
            "windows. Remove its `partitions`: it is then read whole each time."
        )


class WindowNotOverError(AssetError):
    """Transactions that belong to the window may not have been committed yet."""

    def __init__(self, window_end: datetime, ready_at: datetime, org_now: datetime) -> None:
        super().__init__(window_end, ready_at, org_now)
        self.window_end, self.ready_at, self.org_now = window_end, ready_at, org_now

    def __str__(self) -> str:
        return (
            f"The window up to {self.window_end:%Y-%m-%d %H:%M} UTC can be read from "
            f"{self.ready_at:%Y-%m-%d %H:%M} UTC on, when late commits have arrived; by the org's "
            f"clock it is {self.org_now:%Y-%m-%d %H:%M}. Run it again then."
        )


class MissingInputError(AssetError):
    """A stage was started alone and the stage before it has left nothing."""

    def __init__(self, wanted: str, reason: str, remedy: str) -> None:
        super().__init__(wanted, reason, remedy)
        self.wanted, self.reason, self.remedy = wanted, reason, remedy

    def __str__(self) -> str:
        return f"Nothing to start from: {self.reason}. Materialize {self.wanted} {self.remedy}."


class LoadMappingError(AssetError):
    """A load's mapping doesn't fit the query or the object, so that no row can be sent."""

    def __init__(self, load: str, object_name: str, problems: Sequence[str]) -> None:
        super().__init__(load, object_name, tuple(problems))
        self.load, self.object_name, self.problems = load, object_name, tuple(problems)

    def __str__(self) -> str:
        listed = "".join(f"\n- {problem}" for problem in self.problems)
        return (
            f"The load {self.load} can't be sent to {self.object_name} as it is mapped, and "
            f"nothing was sent:{listed}"
        )


class LoadSourceMissingError(AssetError):
    """The asset that a load reads has no table in the warehouse (yet)."""

    def __init__(self, load: str, asset: str, table: str) -> None:
        super().__init__(load, asset, table)
        self.load, self.asset, self.table = load, asset, table

    def __str__(self) -> str:
        return (
            f"The load {self.load} reads the asset {self.asset}, and the warehouse has no table "
            f"{self.table}. Materialize {self.asset} first, or name another `source`."
        )


class InsertsInDoubtError(AssetError):
    """Rows of a broken-off run may be in the org, and the next run would insert them again."""

    def __init__(self, load: str, rows: int) -> None:
        super().__init__(load, rows)
        self.load, self.rows = load, rows

    def __str__(self) -> str:
        return (
            f"A run of the load {self.load} was broken off, and whether the org inserted "
            f"{self.rows:,} of its rows can't be known any more. They are unprocessed in "
            "_tidegate.load_outcomes, with the code TIDEGATE_RESULT_LOST and their values. Look "
            "whether the org has them, and delete there, or take out of the source, what mustn't "
            "be there twice; then run the load again, which inserts what the source has of them."
        )


class MaskKeyMissingError(AssetError):
    """Fields are to be masked and there's no key to do it with."""

    def __init__(self, object_name: str) -> None:
        super().__init__(object_name)
        self.object_name = object_name

    def __str__(self) -> str:
        return (
            f"{self.object_name} has fields to mask, and TIDEGATE_MASK_KEY isn't set. "
            "Set it to a long random text and keep it: another key gives other masks."
        )


class UndecodedEventsError(AssetError):
    """Events that can't be read; the channel waits for them until they are set aside."""

    def __init__(self, channel: str, events: int, problem: str, tried: int, tries: int) -> None:
        super().__init__(channel, events, problem, tried, tries)
        self.channel, self.events, self.problem = channel, events, problem
        self.tried, self.tries = tried, tries

    @property
    def _instead(self) -> str:
        # Nothing can be asked about a platform event.
        is_change = self.channel.startswith("/data/")
        return ", and reads what has changed since instead" if is_change else ""

    def __str__(self) -> str:
        return (
            f"{self.channel} waits for {self.events:,} event(s) that can't be read (try "
            f"{self.tried} of {self.tries}). {self.problem} The last try sets them aside in "
            f"_tidegate.dead_events with their bytes{self._instead}; `dead_after_tries` says how "
            "many there are."
        )


class UnknownEventError(AssetError):
    """The org has no such platform event, or the user can't see it."""

    def __init__(self, event: str, nearest: str | None) -> None:
        super().__init__(event, nearest)
        self.event, self.nearest = event, nearest

    def __str__(self) -> str:
        hint = f" Did you mean {self.nearest}?" if self.nearest else ""
        return (
            f"The org has no platform event {self.event} that this user can see.{hint} "
            "Otherwise give the user's profile or permission set Create on it. Nothing was "
            "published."
        )


class EventRowsError(AssetError):
    """Rows of a file that can't become events."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"The rows can't be published: {self.problem}. Nothing was published."


class HookError(AssetError):
    """The user's transform function did something it mustn't."""

    def __init__(self, hook: str, problem: str) -> None:
        super().__init__(hook, problem)
        self.hook, self.problem = hook, problem

    def __str__(self) -> str:
        return f"The transform {self.hook} {self.problem}."
