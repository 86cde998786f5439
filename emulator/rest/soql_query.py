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

if TYPE_CHECKING:
    from emulator.call import Call


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
    try:
        zone = ZoneInfo(user.time_zone if user else "Etc/UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("Etc/UTC")
    return QueryContext(
        now=call.org.clock.now(),
        time_zone=zone,
        include_deleted=include_deleted,
        api_version=call.version,
        user_id=user_id,
    )
