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
    """Some work needs more memory than it may use, or more disk than there is."""

    def __init__(self, path: str, cause: str) -> None:
        super().__init__(path, cause)
        self.path, self.cause = path, cause

    def __str__(self) -> str:
        return (
            f"The work on {self.path} ran out of room, and nothing was written: {self.cause} "
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


class LoadQueryError(WarehouseError):
    """The query of a load is wrong, or fails while it runs. ``problem`` is the warehouse's text."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"The query can't be run: {self.problem.strip()}\nCorrect the SQL and run again."


class RowConditionError(WarehouseError):
    """A condition isn't one, or can't be asked of these rows. ``problem`` holds no values."""

    def __init__(self, sql: str, problem: str) -> None:
        super().__init__(sql, problem)
        self.sql, self.problem = sql, problem

    def __str__(self) -> str:
        return f"The condition `{self.sql}` can't be used: {self.problem}. Correct it."


class LoadColumnError(WarehouseError):
    """Rows of a load, or the table that they are compared with, lack a column."""

    def __init__(self, load: str, where: str, columns: tuple[str, ...]) -> None:
        super().__init__(load, where, columns)
        self.load, self.where, self.columns = load, where, columns

    def __str__(self) -> str:
        return (
            f"The load {self.load} can't be compared: {self.where} has no column "
            f"{', '.join(self.columns)}. Nothing was sent."
        )


class LoadKeyError(WarehouseError):
    """Rows of a load without a key, or several of one key; nothing was sent.

    Args:
        load: Name of the load.
        keyless: Rows whose key is empty.
        repeated_keys: Keys that several rows have.
        repeated_rows: All rows with such a key.
        examples: Some of those keys.
    """

    def __init__(
        self,
        load: str,
        keyless: int,
        repeated_keys: int,
        repeated_rows: int,
        examples: tuple[str, ...],
    ) -> None:
        super().__init__(load, keyless, repeated_keys, repeated_rows, examples)
        self.load, self.keyless = load, keyless
        self.repeated_keys, self.repeated_rows = repeated_keys, repeated_rows
        self.examples = examples

    def __str__(self) -> str:
        problems = []
        if self.keyless:
            problems.append(f"{self.keyless:,} row(s) have no key")
        if self.repeated_keys:
            problems.append(
                f"{self.repeated_rows:,} rows share {self.repeated_keys:,} key(s), as "
                f"{', '.join(self.examples)}"
            )
        return (
            f"The load {self.load} was stopped before anything was sent: {'; '.join(problems)}. "
            "Make the query give each record once, with its key."
        )


class LoadOrgError(WarehouseError):
    """The load has written to another org."""

    def __init__(self, load: str, stored_org_id: str, org_id: str) -> None:
        super().__init__(load, stored_org_id, org_id)
        self.load, self.stored_org_id, self.org_id = load, stored_org_id, org_id

    def __str__(self) -> str:
        return (
            f"The load {self.load} has written to org {self.stored_org_id}, and this is "
            f"{self.org_id}: what was accepted there says nothing here. Give the load another "
            "name, or delete its rows in `_tidegate.loads`, `_tidegate.load_state` and "
            "`_tidegate.load_outcomes`."
        )


class LogError(WarehouseError):
    """Events that can't be appended: a bug of the caller, not of the data."""

    def __init__(self, table: str, problem: str) -> None:
        super().__init__(table, problem)
        self.table, self.problem = table, problem

    def __str__(self) -> str:
        return f"Events for {self.table} can't be appended: {self.problem}. Nothing was written."


class OutcomeError(WarehouseError):
    """Outcomes that can't be recorded: a bug of the caller, not of the data."""

    def __init__(self, load: str, problem: str) -> None:
        super().__init__(load, problem)
        self.load, self.problem = load, problem

    def __str__(self) -> str:
        return f"Outcomes of the load {self.load} can't be recorded: {self.problem}."
