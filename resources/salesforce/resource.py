"""One Salesforce org as Dagster sees it: settings in, a logged-in client out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import dagster as dg
from pydantic import Field

from resources.salesforce.client import SalesforceClient
from resources.salesforce.errors import SettingsError
from resources.salesforce.pubsub.client import PubSub
from resources.salesforce.settings import (
    ClientCredentials,
    ConnectionSettings,
    JwtBearer,
    Login,
    RefreshToken,
    UsernamePassword,
)


class ClientCredentialsLogin(dg.Config):
    """The app logs in as its Run-As user."""

    flow: Literal["client_credentials"] = "client_credentials"
    client_id: str = Field(description="Consumer key of the External Client App.")
    client_secret: str = Field(description="Consumer secret of the app.")

    def login(self) -> Login:
        return ClientCredentials(self.client_id, self.client_secret)


class JwtBearerLogin(dg.Config):
    """A signed assertion for a user who is pre-authorised for the app."""

    flow: Literal["jwt_bearer"] = "jwt_bearer"
    client_id: str = Field(description="Consumer key of the app.")
    username: str = Field(description="The user on whose behalf the app acts.")
    private_key_file: str = Field(description="PEM file whose certificate the app knows.")

    def login(self) -> Login:
        try:
            private_key = Path(self.private_key_file).read_text()
        except OSError as error:
            problem = f"{self.private_key_file} can't be read: {error.strerror}"
            raise SettingsError("private_key_file", problem) from error
        return JwtBearer(self.client_id, self.username, private_key)


class RefreshTokenLogin(dg.Config):
    """A token from an earlier approval in the browser."""

    flow: Literal["refresh_token"] = "refresh_token"
    client_id: str = Field(description="Consumer key of the app.")
    client_secret: str | None = Field(default=None, description="Consumer secret, if it has one.")
    refresh_token: str = Field(description="The token to begin with.")
    token_file: str = Field(description="Where a rotated token is kept; it replaces the first.")

    def login(self) -> Login:
        return RefreshToken(
            self.client_id, self.refresh_token, self.client_secret, Path(self.token_file)
        )


class PasswordLogin(dg.Config):
    """A user's own password; switched off in orgs created since 2023."""

    flow: Literal["password"] = "password"
    client_id: str = Field(description="Consumer key of the app.")
    client_secret: str = Field(description="Consumer secret of the app.")
    username: str = Field(description="The user's name.")
    password: str = Field(description="The user's password.")
    security_token: str = Field(default="", description="Needed outside trusted networks.")

    def login(self) -> Login:
        return UsernamePassword(
            self.client_id, self.client_secret, self.username, self.password, self.security_token
        )


class SalesforceResource(dg.ConfigurableResource[None]):
    """One Salesforce org."""

    name: str = Field(default="salesforce", description="Stands in every key, table and file.")
    login_url: str = Field(
        description="The org's My Domain, https://login.salesforce.com or https://test.salesforce.com."
    )
    auth: ClientCredentialsLogin | JwtBearerLogin | RefreshTokenLogin | PasswordLogin = Field(
        discriminator="flow", description="How to log in."
    )
    login_problem: str | None = Field(
        default=None, description="Why it is known already that logging in can't succeed."
    )
    api_version: str = Field(default="66.0", description="Version of Salesforce's API.")
    pubsub: str = Field(
        default="api.pubsub.salesforce.com:7443", description="Where its Pub/Sub API is."
    )
    reserve: int = Field(
        default=0, ge=0, description="Daily API requests of the org that a run leaves to others."
    )
    read_timeout_s: float = Field(
        default=120.0, gt=0, description="How long the org may stay silent within an answer."
    )

    def settings(self) -> ConnectionSettings:
        """The client's settings, secrets resolved.

        Raises:
            SettingsError: Something is missing or can't be read.
        """
        if self.login_problem:
            raise SettingsError("auth", self.login_problem)
        return ConnectionSettings(
            name=self.name,
            login_url=self.login_url,
            login=self.auth.login(),
            api_version=self.api_version,
            reserve=self.reserve,
            read_timeout_s=self.read_timeout_s,
        )

    @contextmanager
    def connect(self) -> Iterator[SalesforceClient]:
        """Log in, lend the client, then close its connections."""
        with SalesforceClient(self.settings()) as client:
            yield client

    @contextmanager
    def events(self, client: SalesforceClient) -> Iterator[PubSub]:
        """Lend its Pub/Sub API, with the client's login; nothing is asked of it yet.

        Raises:
            SettingsError: The address isn't one.
        """
        with PubSub(client.transport.login, self.pubsub) as pubsub:
            yield pubsub
