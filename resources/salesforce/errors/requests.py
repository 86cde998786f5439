"""What we were told to ask for can't be asked for: settings, fields, query."""

from collections.abc import Sequence

from resources.salesforce.errors.root import SalesforceError


class UnknownFieldError(SalesforceError):
    """The object has no such field, or the API user can't see it."""

    def __init__(self, object_name: str, field: str, nearest: Sequence[str]) -> None:
        super().__init__(object_name, field, tuple(nearest))
        self.object_name, self.field, self.nearest = object_name, field, tuple(nearest)

    def __str__(self) -> str:
        meant = f" Did you mean {' or '.join(self.nearest)}?" if self.nearest else ""
        return (
            f"{self.object_name} shows no field {self.field} to the API user.{meant} If it exists, "
            "give the user field-level security for it."
        )


class UnselectableFieldError(SalesforceError):
    """A field that can't be a column: a compound, or binary content."""

    def __init__(self, object_name: str, field: str, kind: str, parts: Sequence[str]) -> None:
        super().__init__(object_name, field, kind, tuple(parts))
        self.object_name, self.field, self.kind, self.parts = object_name, field, kind, tuple(parts)

    def __str__(self) -> str:
        instead = f" Select {', '.join(self.parts)} instead." if self.parts else " Leave it out."
        what = f"{self.object_name}.{self.field} is of type {self.kind}"
        return f"{what}, which can't be a column.{instead}"


class MappingError(SalesforceError):
    """A column that can't be sent as it is mapped."""

    def __init__(self, object_name: str, column: str, cause: str) -> None:
        super().__init__(object_name, column, cause)
        self.object_name, self.column, self.cause = object_name, column, cause

    def __str__(self) -> str:
        return f"{self.object_name} can't be loaded by column {self.column}: {self.cause}."


class SoqlError(SalesforceError):
    """A query that can't be written safely."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause

    def __str__(self) -> str:
        return f"Can't write this query: {self.cause}."


class SettingsError(SalesforceError):
    """A connection setting that can't work."""

    def __init__(self, setting: str, cause: str) -> None:
        super().__init__(setting, cause)
        self.setting, self.cause = setting, cause

    def __str__(self) -> str:
        return f"Connection setting `{self.setting}`: {self.cause}."
