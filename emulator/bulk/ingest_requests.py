"""Reading a request for an ingest job, alone or with its content, and refusing what isn't one."""

from __future__ import annotations

import email.policy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.parser import BytesParser
from typing import Any

from emulator.bulk.csv_format import CsvFormat
from emulator.bulk.requests import csv_format_of, invalid_job, refuse_unknown_keys
from emulator.errors import ApiError
from emulator.schema.model import Field, Schema, SObject
from emulator.store.ingest_columns import DELETIONS, OPERATIONS, UPSERT

# The assignment rule came with v49 [bulk guide].
ASSIGNMENT_RULE_SINCE = 49.0
MULTIPART_CHARS = 100_000
_KEYS = {
    "object", "operation", "externalIdFieldName", "contentType", "columnDelimiter", "lineEnding",
    "assignmentRuleId", "concurrencyMode",
}  # fmt: skip
_NEEDED_FLAG = {"insert": ("createable",), "update": ("updateable",)}


@dataclass(frozen=True)
class IngestRequest:
    """What a client asks for.

    Attributes:
        key: The field by which rows are found.
        external_id: Its name as the schema has it; None unless this is an upsert.
    """

    sobject: SObject
    operation: str
    key: Field
    external_id: str | None
    csv: CsvFormat
    assignment_rule_id: str | None


def read_ingest_request(schema: Schema, body: Mapping[str, Any], version: float) -> IngestRequest:
    """The job that a client asks for.

    Raises:
        ApiError: A key or value is wrong.
    """
    known = _KEYS if version >= ASSIGNMENT_RULE_SINCE else _KEYS - {"assignmentRuleId"}
    refuse_unknown_keys(body, known)
    operation = body.get("operation")
    if operation not in OPERATIONS:
        raise invalid_job(f"Operation {operation} is not supported by ingest jobs")
    sobject = _object(schema, body.get("object"), operation)
    key = sobject.fields["Id"]
    external_id = body.get("externalIdFieldName")
    if operation == UPSERT:
        key = _key(sobject, external_id)
    elif external_id is not None:
        raise invalid_job("externalIdFieldName is for upsert jobs only")
    return IngestRequest(
        sobject,
        operation,
        key,
        key.name if operation == UPSERT else None,
        csv_format_of(body),
        body.get("assignmentRuleId"),
    )


def read_multipart(content_type: str, body: bytes) -> tuple[dict[str, Any], bytes]:
    """The job and the content of a multipart request.

    Raises:
        ApiError: A part is missing, or it is too large.
    """
    if len(body) > MULTIPART_CHARS:
        raise ApiError(
            400,
            "CLIENTINPUTERROR",
            f"ClientInputError : A multipart request holds at most {MULTIPART_CHARS} characters",
        )
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    parts = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        content = part.get_payload(decode=True)
        parts[part.get_param("name", header="content-disposition")] = content
    job, content = parts.get("job"), parts.get("content")
    if not isinstance(job, bytes) or not isinstance(content, bytes):
        raise ApiError(
            400, "CLIENTINPUTERROR", "ClientInputError : The parts `job` and `content` are needed"
        )
    try:
        read = json.loads(job)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise ApiError(400, "JSON_PARSER_ERROR", "The part `job` must be a JSON object")
    return read, content


def _object(schema: Schema, name: Any, operation: str) -> SObject:
    sobject = schema.object(name) if isinstance(name, str) else None
    flags = _NEEDED_FLAG.get(operation, ("createable", "updateable"))
    if operation in DELETIONS:
        flags = ("deletable",)
    if sobject is None or not sobject.has_rows or not all(sobject.flags.get(f) for f in flags):
        raise ApiError(400, "INVALIDENTITY", f"Entity '{name}' is not supported by the Bulk API.")
    return sobject


def _key(sobject: SObject, name: Any) -> Field:
    if not isinstance(name, str) or not name:
        raise invalid_job("An upsert job needs externalIdFieldName")
    field = sobject.field(name)
    if field is None or not (field.external_id or field.id_lookup or field.type == "id"):
        raise invalid_job(f"Provided external ID field does not exist or is not accessible: {name}")
    return field
