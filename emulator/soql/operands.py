"""What may stand left of an operator: fields and date functions, with the kind of their values."""

from __future__ import annotations

from dataclasses import dataclass, replace

from emulator.schema.model import Field
from emulator.soql.binder import Column, Relations
from emulator.soql.errors import SoqlError
from emulator.soql.fragments import Sql, bind, fill
from emulator.soql.nodes import Call, Expression, FieldPath

_KINDS = {
    "id": "id",
    "reference": "id",
    "picklist": "picklist",
    "multipicklist": "multipicklist",
    "boolean": "boolean",
    "int": "int",
    "long": "int",
    "double": "double",
    "currency": "double",
    "percent": "double",
    "date": "date",
    "datetime": "dateTime",
    "time": "time",
    "address": "compound",
    "location": "compound",
}

# Source: [soql reference]; week numbers and weekdays as the reference defines them: weeks of
# the month and year begin on its first day, Sunday is day 1.
DATE_FUNCTIONS = {
    "CALENDAR_MONTH": "month({0})",
    "CALENDAR_QUARTER": "quarter({0})",
    "CALENDAR_YEAR": "year({0})",
    "DAY_IN_MONTH": "day({0})",
    "DAY_IN_WEEK": "dayofweek({0}) + 1",
    "DAY_IN_YEAR": "dayofyear({0})",
    "DAY_ONLY": "CAST({0} AS DATE)",
    "FISCAL_MONTH": "month({0} - to_months({1}))",
    "FISCAL_QUARTER": "quarter({0} - to_months({1}))",
    "FISCAL_YEAR": "year({0} - to_months({1}))",
    "HOUR_IN_DAY": "hour({0})",
    "WEEK_IN_MONTH": "(day({0}) + 6) // 7",
    "WEEK_IN_YEAR": "(dayofyear({0}) + 6) // 7",
}
_DATETIME_ONLY = frozenset({"DAY_ONLY", "HOUR_IN_DAY"})


@dataclass(frozen=True, slots=True)
class Operand:
    """A typed SQL expression.

    Attributes:
        kind: ``string``, ``id``, ``picklist``, ``multipicklist``, ``boolean``, ``int``,
            ``double``, ``date``, ``dateTime``, ``time``, or ``compound``.
        name: As messages call it.
        picklist: The values of a picklist in their order.
    """

    sql: Sql
    kind: str
    name: str
    position: int
    case_sensitive: bool = False
    picklist: tuple[str, ...] = ()
    field: Field | None = None


def kind_of(field: Field) -> str:
    return _KINDS.get(field.type, "string")


def operand_of(column: Column, position: int) -> Operand:
    field = column.field
    return Operand(
        sql=column.sql,
        kind=kind_of(field),
        name=field.name,
        position=position,
        case_sensitive=field.case_sensitive or kind_of(field) == "id",
        picklist=field.picklist_values if field.type == "picklist" else (),
        field=field,
    )


def row_operand(relations: Relations, expression: Expression) -> Operand:
    """The operand of an expression over single rows."""
    if isinstance(expression, FieldPath):
        return operand_of(relations.column(expression), expression.position)
    return date_function(relations, expression)


def filter_operand(relations: Relations, expression: Expression) -> Operand:
    """The operand of a WHERE condition, refused when describe says it can't be filtered."""
    operand = row_operand(relations, expression)
    field = operand.field
    if field is not None and (not field.filterable or operand.kind == "compound"):
        message = f"field '{field.name}' can not be filtered in a query call"
        raise relations.compilation.error(operand.position, message, "INVALID_FIELD")
    return operand


def date_function(relations: Relations, call: Call) -> Operand:
    """``CALENDAR_YEAR(CreatedDate)`` and the like; in UTC unless convertTimezone() is inside."""
    if call.name not in DATE_FUNCTIONS or call.argument is None:
        raise _unexpected_parenthesis(relations, call)
    argument, path = call.argument, call.argument
    if isinstance(argument, Call):
        if argument.name != "CONVERTTIMEZONE" or not isinstance(argument.argument, FieldPath):
            raise _unexpected_parenthesis(relations, argument)
        path = argument.argument
    operand = row_operand(relations, path)
    allowed = ("dateTime",) if call.name in _DATETIME_ONLY else ("date", "dateTime")
    if operand.kind not in allowed or (argument is not path and operand.kind != "dateTime"):
        message = f"field {operand.name} does not support the function {call.name}"
        raise relations.compilation.error(call.position, message)
    value = operand.sql if argument is path else in_user_zone(relations, operand.sql)
    return replace(
        operand,
        sql=_apply(call.name, value, relations.compilation.context.fiscal_start_month),
        kind="date" if call.name == "DAY_ONLY" else "int",
        position=call.position,
        field=None,
    )


def _apply(function: str, value: Sql, fiscal_start_month: int) -> Sql:
    template = DATE_FUNCTIONS[function].replace("{1}", str(fiscal_start_month - 1))
    return Sql(template.format(value.text), value.params * template.count("{0}"))


def in_user_zone(relations: Relations, value: Sql) -> Sql:
    """A datetime on the user's clock."""
    zone = bind(relations.compilation.context.time_zone.key)
    return fill("timezone({}, timezone('UTC', {}))", zone, value)


def _unexpected_parenthesis(relations: Relations, call: Call) -> SoqlError:
    after_name = call.position + len(call.name)
    return relations.compilation.error(after_name, "unexpected token: '('")
