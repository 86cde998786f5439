"""What a connection to one org is made of: where it is, how we log in, how we behave."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from resources.salesforce.errors import SettingsError
from resources.salesforce.hosts import check_scheme, origin
from resources.salesforce.retry_plan import RetryPolicy


@dataclass(frozen=True)
class ClientCredentials:
    """The app logs in as its Run-As user; works on the org's My Domain only."""

    client_id: str
    client_secret: str = field(repr=False)
    flow: str = field(default="client_credentials", init=False)


@dataclass(frozen=True)
class JwtBearer:
    """A signed assertion for one pre-authorised user; no secret travels.

    ``audience`` is chosen by the login host when None: ``https://test.salesforce.com`` for
    sandboxes and scratch orgs, else ``https://login.salesforce.com``.
    """

    client_id: str
    username: str
    private_key: str = field(repr=False)
    audience: str | None = None
    flow: str = field(default="jwt_bearer", init=False)


@dataclass(frozen=True)
class RefreshToken:
    """A token from an earlier approval in the browser.

    When the app rotates refresh tokens, each login kills the token it used. The new one is handed
    to ``keep`` and written to ``file`` (and from then on read from there) before anything else is
    done with the answer; with neither, the next process can't log in.
    """

    client_id: str
    refresh_token: str = field(repr=False)
    client_secret: str | None = field(default=None, repr=False)
    file: Path | None = None
    keep: Callable[[str], None] | None = field(default=None, repr=False, compare=False)
    flow: str = field(default="refresh_token", init=False)


@dataclass(frozen=True)
class UsernamePassword:
    """A user's own password; switched off in orgs created since 2023."""

    client_id: str
    client_secret: str = field(repr=False)
    username: str
    password: str = field(repr=False)
    security_token: str = field(default="", repr=False)
    flow: str = field(default="password", init=False)


Login = ClientCredentials | JwtBearer | RefreshToken | UsernamePassword


@dataclass(frozen=True)
class ConnectionSettings:
    """One org, by name.

    ``login_url`` is ``https://login.salesforce.com``, ``https://test.salesforce.com`` or the org's
    My Domain; a bare host means https. ``reserve`` is how many of the org's daily API requests are
    left to others: the call that would go below isn't made (``DeferredError``).
    """

    name: str
    login_url: str
    login: Login
    api_version: str = "66.0"
    reserve: int = 0
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 120.0
    client_name: str = "tidegate"  # becomes the change origin of CDC events (Sforce-Call-Options)
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    def __post_init__(self) -> None:
        """Refuse what can't work, before any call."""
        url = self.login_url if "://" in self.login_url else f"https://{self.login_url}"
        object.__setattr__(self, "login_url", origin(url))
        check_scheme("login_url", self.login_url)
        if not re.fullmatch(r"\d{2,3}\.0", self.api_version):
            raise SettingsError("api_version", f'"{self.api_version}" isn\'t of the form "66.0"')
        if self.reserve < 0:
            raise SettingsError("reserve", f"{self.reserve} is negative; 0 reserves nothing")
        if not re.fullmatch(r"[A-Za-z0-9_./-]+", self.client_name):
            raise SettingsError("client_name", "only letters, digits and _ . / - can be sent")
