"""From SOQL text to a compiled query, with the org's schema and the caller's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from emulator.auth.users import find_user
from emulator.soql import (
    BulkQuery,
    CompiledQuery,
    QueryContext,
    compile_bulk,
    compile_query,
    parse,
)
from emulator.soql.date_literals import MONDAY, SUNDAY

if TYPE_CHECKING:
    from emulator.call import Call

# Of the locales that users of this org may have; where weeks begin on Sunday as CLDR says.
_SUNDAY_LOCALES = frozenset({"en_US", "pt_BR", "ja_JP"})


def compiled(call: Call, soql: str, *, include_deleted: bool) -> CompiledQuery:
    """A query for REST.

    Raises:
        SoqlError: With Salesforce's code and text.
    """
    return compile_query(parse(soql), call.org.schema, _context(call, include_deleted))


def compiled_for_bulk(call: Call, soql: str, *, include_deleted: bool) -> BulkQuery:
    """A query for a bulk job.

    Raises:
        SoqlError: Also for what only Bulk refuses.
    """
    return compile_bulk(parse(soql), call.org.schema, _context(call, include_deleted))


def _context(call: Call, include_deleted: bool) -> QueryContext:
    user_id = call.user.user_id
    with call.org.database.reader() as connection:
        user = find_user(connection, "Id", user_id)
        fiscal = connection.execute('SELECT "FiscalYearStartMonth" FROM "Organization"').fetchone()
    return QueryContext(
        now=call.org.clock.now(),
        time_zone=_zone(user.time_zone if user else "Etc/UTC"),
        include_deleted=include_deleted,
        api_version=call.version,
        user_id=user_id,
        first_weekday=SUNDAY if user is None or user.locale in _SUNDAY_LOCALES else MONDAY,
        fiscal_start_month=fiscal[0] if fiscal and fiscal[0] else 1,
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("Etc/UTC")
