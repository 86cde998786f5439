"""What a statement's meaning depends on besides its text."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import count
from zoneinfo import ZoneInfo

from emulator.schema.model import Schema
from emulator.soql.date_literals import SUNDAY, Calendar
from emulator.soql.errors import SoqlError, error_at


@dataclass(frozen=True, slots=True)
class QueryContext:
    """Who asks, when, and through which API.

    Attributes:
        now: The org's clock, UTC.
        time_zone: The user's; date literals and convertTimezone() follow it.
        include_deleted: Whether rows in the recycle bin are seen (queryAll).
        api_version: e.g. 66.0.
        user_id: The user of ``USING SCOPE mine``.
        first_weekday: By the user's locale; 6 = Sunday, as in the United States.
        fiscal_start_month: The org's setting.
    """

    now: datetime
    time_zone: ZoneInfo
    include_deleted: bool
    api_version: float
    user_id: str
    first_weekday: int = SUNDAY
    fiscal_start_month: int = 1

    @property
    def calendar(self) -> Calendar:
        now = self.now if self.now.tzinfo else self.now.replace(tzinfo=UTC)
        today = now.astimezone(self.time_zone).date()
        return Calendar(today, self.first_weekday, self.fiscal_start_month)

    @property
    def now_utc(self) -> datetime:
        """The clock as the store keeps times: naive, UTC, whole seconds."""
        now = self.now.astimezone(UTC) if self.now.tzinfo else self.now
        return now.replace(tzinfo=None, microsecond=0)

    def day_start_utc(self, day: date) -> datetime:
        """The user's midnight at the start of a day, naive UTC."""
        local = datetime.combine(day, time(), self.time_zone)
        return local.astimezone(UTC).replace(tzinfo=None)


@dataclass(slots=True)
class Compilation:
    """One statement on its way to SQL: shared by its subqueries."""

    text: str
    schema: Schema
    context: QueryContext
    semi_joins: int = 0
    _aliases: count[int] = field(default_factory=count)

    def alias(self) -> str:
        """A table alias that the statement hasn't used yet."""
        return f"t{next(self._aliases)}"

    def error(self, position: int, message: str, code: str = "MALFORMED_QUERY") -> SoqlError:
        return error_at(self.text, position, code, message)
