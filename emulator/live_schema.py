"""Fields added or converted while the org lives: tables, schema and events change together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.errors import ControlError
from emulator.org import Org
from emulator.schema.errors import SchemaFileError
from emulator.schema.live_fields import check_converted, check_new
from emulator.schema.load import load_schema
from emulator.schema.model import SObject
from emulator.store.database import Connection
from emulator.store.tables import add_columns, empty_columns


def add_fields(org: Org, sobject: SObject, given: Mapping[str, Any]) -> None:
    """Add custom fields, declared as in the user's schema file.

    Raises:
        ControlError: One of them can't be added; none is.
    """
    _edit(org, sobject, given, converts=False)


def convert_fields(org: Org, sobject: SObject, given: Mapping[str, Any]) -> None:
    """Convert custom fields to other types, where that loses the values of all rows.

    Their SystemModstamp stays as it is, and one event tells of it.

    Raises:
        ControlError: One of them can't be converted so; none is.
    """
    _edit(org, sobject, given, converts=True)
    if sobject.has_rows:
        org.database.write(
            lambda connection: org.journal.recorder(connection, org.admin.id, "").all_changed(
                sobject
            )
        )


def _edit(org: Org, sobject: SObject, given: Mapping[str, Any], *, converts: bool) -> None:
    with org.editing:
        edits = {
            **org.field_edits,
            sobject.name: {**org.field_edits.get(sobject.name, {}), **given},
        }
        try:
            (check_converted if converts else check_new)(sobject, given)
            schema = load_schema(org.settings.schema_file, edits)
        except SchemaFileError as error:
            raise ControlError(str(error)) from None
        edited = schema.objects[sobject.name]
        fields = [edited.fields[name] for name in given if edited.fields[name].is_stored]
        change_columns = empty_columns if converts else add_columns

        def work(connection: Connection) -> None:
            if sobject.has_rows:
                change_columns(connection, edited, fields)
            org.journal.prepare(connection, schema)

        def alone() -> None:
            org.database.write(work)

        org.database.transaction(alone)
        org.adopt(schema, edits)
