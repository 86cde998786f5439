"""Rows read again by Id, later than a given moment of the org's clock."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from resources.salesforce.errors import ClockError
from resources.salesforce.org_clock import ONE_SECOND, OrgClock, ReadInterval
from resources.salesforce.rest_query import RestQuery
from resources.salesforce.soql import queries_by_id

T = TypeVar("T")
FARTHEST_AHEAD = timedelta(minutes=10)  # an `after` beyond this isn't the org's time
LONGEST_WAIT_S = 900.0  # for a clock that stands still
MARGIN_S = 0.05
# Images keep the bounds of reads in milliseconds, cut off: within the same one nothing is later.
ONE_MILLISECOND = timedelta(milliseconds=1)


class ReadAfter:
    """Repeats reads until the org's clock has passed a moment, waiting as long as that takes.

    Raises:
        ClockError: The moment is too far ahead, or the clock stands still.
    """

    def __init__(
        self, clock: OrgClock, sleep: Callable[[float], None], after: datetime | None
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._after = after
        self._waited_s = 0.0

    def wait_before(self) -> None:
        """Don't ask in vain, if the org has told its time already."""
        if self._after is not None and self._clock.known:
            # `Date` is cut to seconds, so an answer seems up to a second older than it is.
            self._wait(self._after, self._clock.now() - ONE_SECOND)

    def repeat(self, once: Callable[[], tuple[T, ReadInterval]]) -> tuple[T, ReadInterval]:
        """What the first read that is late enough gives."""
        found, read = once()
        while self._after is not None and read.lo < self._after + ONE_MILLISECOND:
            self._wait(self._after, read.lo)
            found, read = once()
        return found, read

    def _wait(self, after: datetime, read_at: datetime) -> None:
        """Sleep until the org's clock, now ``read_at``, has passed ``after``."""
        ahead = after + ONE_MILLISECOND - read_at
        if ahead < timedelta(0):
            return
        if ahead > FARTHEST_AHEAD or self._waited_s > LONGEST_WAIT_S:
            raise ClockError(after, read_at, self._waited_s)
        pause_s = ahead / timedelta(seconds=1) + MARGIN_S
        self._sleep(pause_s)
        self._waited_s += pause_s


class RowReader:
    """Reads single rows of one org."""

    def __init__(self, rest: RestQuery, clock: OrgClock, sleep: Callable[[float], None]) -> None:
        self._rest = rest
        self._clock = clock
        self._sleep = sleep

    def read(
        self,
        object_name: str,
        fields: Sequence[str],
        ids: Sequence[str],
        after: datetime | None,
        where: str = "",
    ) -> tuple[list[bytes], ReadInterval]:
        """See ``SalesforceClient.read_rows``."""
        later = ReadAfter(self._clock, self._sleep, after)
        later.wait_before()
        pages: list[bytes] = []
        whole: ReadInterval | None = None
        for soql, _ in queries_by_id(object_name, fields, list(dict.fromkeys(ids)), where=where):
            found, read = later.repeat(partial(self._read, soql))
            pages += found
            whole = whole.hull(read) if whole else read
        now = self._clock.now()
        return pages, whole or ReadInterval(now, now + ONE_SECOND)

    def _read(self, soql: str) -> tuple[list[bytes], ReadInterval]:
        pages = list(self._rest.pages(soql, all_rows=True))
        read = pages[0].read
        for page in pages[1:]:
            read = read.hull(page.read)
        return [page.body for page in pages], read
