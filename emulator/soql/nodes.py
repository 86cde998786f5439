"""The parts of a SOQL statement as the parser found them; names aren't looked up yet.

`position` is where a part begins in the statement. It doesn't count when parts are compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field


def _position() -> int:
    return field(default=0, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class FieldPath:
    """``Name`` or ``Account.Owner.Name``, as typed."""

    parts: tuple[str, ...]
    position: int = _position()

    def __str__(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class Call:
    """``COUNT()``, ``SUM(Amount)``, ``CALENDAR_YEAR(convertTimezone(CreatedDate))``."""

    name: str
    argument: Expression | None = None
    position: int = _position()


Expression = FieldPath | Call


@dataclass(frozen=True, slots=True)
class StringValue:
    """What stands between the quotes, escapes not yet resolved: LIKE has two of its own."""

    raw: str
    position: int = _position()


@dataclass(frozen=True, slots=True)
class NumberValue:
    """A number as typed, with its sign."""

    text: str
    position: int = _position()


@dataclass(frozen=True, slots=True)
class BooleanValue:
    value: bool
    position: int = _position()


@dataclass(frozen=True, slots=True)
class NullValue:
    position: int = _position()


@dataclass(frozen=True, slots=True)
class DateValue:
    text: str
    position: int = _position()


@dataclass(frozen=True, slots=True)
class DateTimeValue:
    text: str
    position: int = _position()


@dataclass(frozen=True, slots=True)
class TimeValue:
    text: str
    position: int = _position()


@dataclass(frozen=True, slots=True)
class DateLiteral:
    """``TODAY`` or ``LAST_N_DAYS:30``; the name in capitals."""

    name: str
    count: int | None = None
    position: int = _position()


Value = (
    StringValue
    | NumberValue
    | BooleanValue
    | NullValue
    | DateValue
    | DateTimeValue
    | TimeValue
    | DateLiteral
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left operator value``; operator one of ``= != < <= > >= LIKE``."""

    left: Expression
    operator: str
    value: Value
    position: int = _position()


@dataclass(frozen=True, slots=True)
class InList:
    left: Expression
    values: tuple[Value, ...]
    negated: bool = False
    position: int = _position()


@dataclass(frozen=True, slots=True)
class InQuery:
    """A semi-join, or negated an anti-join."""

    left: Expression
    query: Query
    negated: bool = False
    position: int = _position()


@dataclass(frozen=True, slots=True)
class Includes:
    """``INCLUDES`` on a multi-select picklist, negated ``EXCLUDES``."""

    left: Expression
    values: tuple[Value, ...]
    negated: bool = False
    position: int = _position()


@dataclass(frozen=True, slots=True)
class And:
    operands: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    operands: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    operand: Condition


Condition = Comparison | InList | InQuery | Includes | And | Or | Not


@dataclass(frozen=True, slots=True)
class SelectExpression:
    expression: Expression
    alias: str | None = None
    position: int = _position()


@dataclass(frozen=True, slots=True)
class FieldsFunction:
    """``FIELDS(ALL)``, ``FIELDS(STANDARD)`` or ``FIELDS(CUSTOM)``; the group in capitals."""

    group: str
    position: int = _position()


@dataclass(frozen=True, slots=True)
class Subquery:
    """A parent-to-child query in the SELECT clause."""

    query: Query
    position: int = _position()


@dataclass(frozen=True, slots=True)
class TypeBranch:
    """``WHEN Account THEN Name, Phone``."""

    type_name: str
    fields: tuple[FieldPath, ...]
    position: int = _position()


@dataclass(frozen=True, slots=True)
class TypeOf:
    """``TYPEOF What WHEN … THEN … ELSE … END``; `otherwise` is empty without ELSE."""

    reference: FieldPath
    branches: tuple[TypeBranch, ...]
    otherwise: tuple[FieldPath, ...] = ()
    position: int = _position()


SelectItem = SelectExpression | FieldsFunction | Subquery | TypeOf


@dataclass(frozen=True, slots=True)
class Source:
    """An entry of the FROM clause: an object, a child relationship, or ``alias.Relationship``."""

    path: tuple[str, ...]
    alias: str | None = None
    position: int = _position()


@dataclass(frozen=True, slots=True)
class OrderItem:
    expression: Expression
    descending: bool = False
    nulls_last: bool = False
    position: int = _position()


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT.

    Attributes:
        joined: Further FROM entries.
        subtotals: ``ROLLUP`` or ``CUBE`` around the GROUP BY; empty without.
        touches: What FOR names (VIEW, REFERENCE).
    """

    select: tuple[SelectItem, ...]
    source: Source
    joined: tuple[Source, ...] = ()
    scope: str | None = None
    where: Condition | None = None
    group_by: tuple[Expression, ...] = ()
    subtotals: str = ""
    having: Condition | None = None
    order_by: tuple[OrderItem, ...] = ()
    limit: int | None = None
    offset: int | None = None
    touches: tuple[str, ...] = ()
    text: str = field(default="", compare=False)
    position: int = _position()
