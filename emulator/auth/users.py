"""Users who can log in: rows of the User object."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.schema.columns import quoted
from emulator.store.database import Connection

_COLUMNS = ("Id", "Username", "Email", "FirstName", "LastName", "IsActive", "TimeZoneSidKey",
            "LocaleSidKey", "LanguageLocaleKey")  # fmt: skip


@dataclass(frozen=True)
class User:
    """What logins and identity answers say about a user."""

    id: str
    username: str
    email: str
    first_name: str | None
    last_name: str
    active: bool
    time_zone: str
    locale: str
    language: str

    @property
    def display_name(self) -> str:
        return " ".join(part for part in (self.first_name, self.last_name) if part)


def find_user(connection: Connection, column: str, value: str) -> User | None:
    """The user whose `Id` or `Username` that is."""
    # User names don't know case, ids do.
    same = '"Id" = ?' if column == "Id" else f"lower({quoted(column)}) = lower(?)"
    row = connection.execute(
        f'SELECT {", ".join(quoted(name) for name in _COLUMNS)} FROM "User" WHERE {same} LIMIT 1',
        [value],
    ).fetchone()
    if row is None:
        return None
    user_id, username, email, first, last, active, zone, locale, language = row
    return User(
        user_id, username, email or username, first, last or username, bool(active),
        zone or "Etc/UTC", locale or "en_US", language or "en_US",
    )  # fmt: skip
