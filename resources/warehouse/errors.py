"""What can go wrong with the warehouse, split by what the caller can do."""

from __future__ import annotations


class WarehouseError(Exception):
    """Root of all errors of the warehouse."""


class WarehouseLockedError(WarehouseError):
    """Another process held the warehouse file longer than we were ready to wait.

    Transient: try again when the holder is done.
    """

    def __init__(self, path: str, holder: str, waited_s: float) -> None:
        super().__init__(path, holder, waited_s)
        self.path, self.holder, self.waited_s = path, holder, waited_s

    def __str__(self) -> str:
        return (
            f"Waited {self.waited_s:,.0f} s for {self.path}, which {self.holder} holds open. "
            "Close it there and run again, or raise `lock_timeout_s`."
        )


class WarehouseSpaceError(WarehouseError):
    """A merge needs more memory than it may use, or more disk than there is."""

    def __init__(self, path: str, cause: str) -> None:
        super().__init__(path, cause)
        self.path, self.cause = path, cause

    def __str__(self) -> str:
        return (
            f"The merge into {self.path} ran out of room, and nothing was written: {self.cause} "
            "Raise the warehouse connection's `memory_limit`, or make room on the disk."
        )


class SchemaChangeError(WarehouseError):
    """A column's type in the table differs from what the sync wants now."""

    def __init__(self, table: str, changes: tuple[tuple[str, str, str], ...]) -> None:
        super().__init__(table, changes)
        self.table, self.changes = table, changes

    def __str__(self) -> str:
        columns = "; ".join(
            f"{name}: is {have}, wanted {want}" for name, have, want in self.changes
        )
        return (
            f"{self.table} has {len(self.changes)} column(s) of another type: {columns}. "
            "Nothing was written. Rename or drop the table and load it again in full, "
            "or alter the column by hand."
        )


class WrongOrgError(WarehouseError):
    """The table was filled from another org."""

    def __init__(self, table: str, stored_org_id: str, org_id: str) -> None:
        super().__init__(table, stored_org_id, org_id)
        self.table, self.stored_org_id, self.org_id = table, stored_org_id, org_id

    def __str__(self) -> str:
        return (
            f"{self.table} holds records of org {self.stored_org_id}, but these come from "
            f"{self.org_id}. To keep both, give the second org a connection name or a `schema` of "
            "its own, or another warehouse (TIDEGATE_WAREHOUSE_URL). If it takes the first one's "
            "place, as after trying the emulator, remove `.tidegate/`, or drop the table and its "
            "rows in `_tidegate`."
        )


class StateFormatError(WarehouseError):
    """The ``_tidegate`` tables were written by another version of Tidegate."""

    def __init__(self, path: str, found: int, known: int) -> None:
        super().__init__(path, found, known)
        self.path, self.found, self.known = path, found, known

    def __str__(self) -> str:
        return (
            f"The state in {self.path} has format {self.found}, this version knows "
            f"{self.known}. Use the version that wrote it, or load into a new warehouse."
        )


class ImageError(WarehouseError):
    """Images that can't be merged: a bug of the caller, not of the data."""

    def __init__(self, table: str, problem: str) -> None:
        super().__init__(table, problem)
        self.table, self.problem = table, problem

    def __str__(self) -> str:
        return f"Images for {self.table} can't be merged: {self.problem}. Nothing was written."


class RereadError(WarehouseError):
    """Records were read again, and their images still can't be told apart."""

    def __init__(self, table: str, records: int, problem: str) -> None:
        super().__init__(table, records, problem)
        self.table, self.records, self.problem = table, records, problem

    def __str__(self) -> str:
        return (
            f"{self.records:,} record(s) of {self.table} were read again and still can't be "
            f"ordered: {self.problem}. Nothing was written; run again."
        )


class WarehouseUrlError(WarehouseError):
    """A warehouse URL of no kind that we know."""

    def __init__(self, url: str) -> None:
        # What stands before the host may be a password.
        scheme = url.split("://", 1)[0]
        super().__init__(scheme)
        self.scheme = scheme

    def __str__(self) -> str:
        return (
            f"There is no warehouse for URLs that begin with {self.scheme!r}. "
            "Use duckdb:///path/to/file.duckdb."
        )
