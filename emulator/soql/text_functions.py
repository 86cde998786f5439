"""toLabel() and FORMAT(): values as people read them.

Labels are those of describe. Formats are those of en_US, whatever the user's locale, in the user's
time zone; [soql reference] names the functions, what their answers look like isn't recorded.
"""

from __future__ import annotations

from dataclasses import replace

from emulator.schema.model import Field
from emulator.soql.binder import Column, Relations
from emulator.soql.errors import SoqlError
from emulator.soql.fragments import Sql, bind, fill
from emulator.soql.nodes import Call, FieldPath
from emulator.soql.operands import in_user_zone, kind_of

TEXT_FUNCTIONS = frozenset({"TOLABEL", "FORMAT"})

_FORMATS = {
    "int": "format('{{:,}}', {})",
    "date": "strftime({}, '%-m/%-d/%Y')",
    "dateTime": "strftime({}, '%-m/%-d/%Y, %-I:%M %p')",
    "time": "strftime(DATE '1970-01-01' + {}, '%-I:%M %p')",
}


def text_column(relations: Relations, call: Call) -> Column:
    """The column of a field under one of these functions; it keeps the field's name.

    Raises:
        SoqlError: The function takes no such argument.
    """
    if not isinstance(call.argument, FieldPath):
        raise relations.compilation.error(call.position, f"{call.name} takes a field")
    column = relations.column(call.argument)
    field = column.field
    if call.name == "TOLABEL" and field.type in ("picklist", "multipicklist"):
        return replace(column, sql=_label(field, column.sql), kind="string")
    if call.name == "FORMAT" and (kind_of(field) in _FORMATS or kind_of(field) == "double"):
        return replace(column, sql=_formatted(relations, field, column.sql), kind="string")
    raise _no_support(relations, call, field)


def _label(field: Field, value: Sql) -> Sql:
    entries = field.describe["picklistValues"]
    values, labels = bind([e["value"] for e in entries]), bind([e["label"] for e in entries])
    if field.type == "picklist":
        place = fill("list_position({}::VARCHAR[], {})", values, value)
        return fill("coalesce(list_extract({}::VARCHAR[], {}), {})", labels, place, value)
    one = fill(
        "coalesce(list_extract({}::VARCHAR[], list_position({}::VARCHAR[], v)), v)", labels, values
    )
    each = fill("list_transform(string_split({}, ';'), lambda v: {})", value, one)
    return fill("array_to_string({}, ';')", each)


def _formatted(relations: Relations, field: Field, value: Sql) -> Sql:
    kind = kind_of(field)
    if kind == "dateTime":
        value = in_user_zone(relations, value)
    if kind != "double":
        return fill(_FORMATS[kind], value)
    number = fill(f"format('{{{{:,.{field.scale}f}}}}', abs({{}}))", value)
    sign = fill("CASE WHEN {} < 0 THEN '-' ELSE '' END", value)
    before = "$" if field.type == "currency" else ""
    after = "%" if field.type == "percent" else ""
    return fill(f"{{}} || '{before}' || {{}} || '{after}'", sign, number)


def _no_support(relations: Relations, call: Call, field: Field) -> SoqlError:
    message = f"field {field.name} does not support the function {call.name}"
    return relations.compilation.error(call.position, message)
