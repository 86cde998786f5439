"""What objects there are, and what fields they have."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from emulator.answer import Answer
from emulator.call import Call
from emulator.schema.describe import (
    RecordTypeInfo,
    basic_describe,
    describe_global,
    describe_object,
)
from emulator.schema.model import SObject
from emulator.timestamps import http_date, parse_http_date


def show_global(call: Call) -> Answer:
    """GET /sobjects"""
    return _conditional(call, describe_global(call.org.schema, call.version))


def show_object(call: Call) -> Answer:
    """GET /sobjects/{object}/describe"""
    body = describe_object(
        call.org.schema,
        call.sobject,
        call.version,
        call.base_path,
        instance_url=call.org.url,
        record_types=_record_types(call, call.sobject),
    )
    return _conditional(call, body)


def show_basic(call: Call) -> Answer:
    """GET /sobjects/{object}"""
    body = {"objectDescribe": basic_describe(call.sobject, call.version), "recentItems": []}
    return Answer(200, body)


def _conditional(call: Call, body: dict[str, Any]) -> Answer:
    """The body, or 304 when the caller has it (recorded: with ETag and Last-Modified)."""
    digest = hashlib.sha256(json.dumps(body).encode()).hexdigest()[:8]
    changed = call.org.schema_changed
    headers = {"ETag": f'"{digest}"', "Last-Modified": http_date(changed)}
    wanted = call.headers.get("if-none-match")
    since = parse_http_date(call.headers.get("if-modified-since", ""))
    # A tag is the exact question, a date the vague one: the tag decides when both are sent.
    same = digest in wanted if wanted else since is not None and changed <= since
    return Answer(304, None, headers) if same else Answer(200, body, headers)


def _record_types(call: Call, sobject: SObject) -> list[RecordTypeInfo]:
    with call.org.database.reader() as connection:
        rows = connection.execute(
            'SELECT "Id", "Name", "DeveloperName" FROM "RecordType" '
            'WHERE "SobjectType" = ? AND "IsActive" ORDER BY "Id"',
            [sobject.name],
        ).fetchall()
    return [RecordTypeInfo(*row) for row in rows]
