"""The grants of the token endpoint: who logs in, and with what proof."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.auth.jwt_bearer import JWT_BEARER, read_assertion
from emulator.auth.users import User, find_user
from emulator.auth.web_login import REFRESH_SCOPES
from emulator.errors import OAuthError
from emulator.settings import CLIENT_ID, CLIENT_SECRET, PASSWORD

if TYPE_CHECKING:
    from emulator.org import Org

API_SCOPE = "api"
# Hosts where client credentials aren't served [oauth help]: only My Domain is.
_LOGIN_HOSTS = ("login.salesforce.com", "test.salesforce.com")


@dataclass(frozen=True)
class Login:
    """A granted login. `new_refresh_token` only when the answer carries one."""

    user: User
    scope: str
    refresh_token: str | None = None
    new_refresh_token: str | None = None


def log_in(org: Org, form: Mapping[str, str], headers: Mapping[str, str]) -> Login:
    """The user who logs in by this form.

    Raises:
        OAuthError: With the recorded error and description.
    """
    grant = _GRANTS.get(form.get("grant_type", ""))
    if grant is None:
        raise OAuthError("unsupported_grant_type", "grant type not supported")
    login = grant(org, form, headers)
    if not login.user.active:
        raise OAuthError("inactive_user", "user is inactive")
    return login


def check_client(
    form: Mapping[str, str], headers: Mapping[str, str], *, secret: bool = True
) -> None:
    """Check the client's id and secret, in the body or as HTTP Basic.

    Raises:
        OAuthError: One of them is wrong.
    """
    client_id, client_secret = _basic(headers) or (
        form.get("client_id", ""),
        form.get("client_secret", ""),
    )
    if client_id != CLIENT_ID:
        raise OAuthError("invalid_client_id", "client identifier invalid")
    if not secret and not client_secret:
        return
    if not hmac.compare_digest(client_secret.encode(), CLIENT_SECRET.encode()):
        raise OAuthError("invalid_client", "invalid client credentials")


def _client_credentials(org: Org, form: Mapping[str, str], headers: Mapping[str, str]) -> Login:
    if headers.get("host", "").partition(":")[0] in _LOGIN_HOSTS:
        raise OAuthError("invalid_grant", "request not supported on this domain")
    check_client(form, headers)
    return Login(org.admin, API_SCOPE)


def _password(org: Org, form: Mapping[str, str], headers: Mapping[str, str]) -> Login:
    check_client(form, headers)
    user = _user(org, "Username", form.get("username", ""))
    if user is None or not hmac.compare_digest(
        form.get("password", "").encode(), PASSWORD.encode()
    ):
        raise OAuthError("invalid_grant", "authentication failure")
    return Login(user, API_SCOPE)


def _refresh_token(org: Org, form: Mapping[str, str], headers: Mapping[str, str]) -> Login:
    # The secret may be optional by a setting of the app [oauth help]; here it is.
    check_client(form, headers, secret=False)
    token = form.get("refresh_token", "")
    approval = org.sessions.approval(token)
    user = _user(org, "Id", approval.user_id) if approval else None
    if approval is None or user is None:
        raise OAuthError("invalid_grant", "expired access/refresh token")
    if not org.rotates_refresh_tokens:
        return Login(user, approval.scope, token)
    new = org.sessions.rotate(token)
    return Login(user, approval.scope, new, new)


def _authorization_code(org: Org, form: Mapping[str, str], headers: Mapping[str, str]) -> Login:
    # With a verifier a client may do without a secret, as applications on a user's machine do.
    check_client(form, headers, secret="code_verifier" not in form)
    code = org.web_logins.redeem(form, org.clock.now())
    user = _user(org, "Id", code.user_id)
    if user is None:
        raise OAuthError("invalid_grant", "authentication failure")
    if not REFRESH_SCOPES & set(code.scope.split()):
        return Login(user, code.scope)
    token = org.sessions.approve(user.id, CLIENT_ID, code.scope)
    return Login(user, code.scope, token, token)


def _jwt_bearer(org: Org, form: Mapping[str, str], headers: Mapping[str, str]) -> Login:
    username = read_assertion(form.get("assertion", ""), org.keys.public_key, org.url)
    user = _user(org, "Username", username)
    if user is None:
        raise OAuthError("invalid_grant", "user hasn't approved this consumer")
    return Login(user, API_SCOPE)


def _user(org: Org, column: str, value: str) -> User | None:
    with org.database.reader() as connection:
        return find_user(connection, column, value)


def _basic(headers: Mapping[str, str]) -> tuple[str, str] | None:
    kind, _, text = headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


_GRANTS: dict[str, Callable[[Org, Mapping[str, str], Mapping[str, str]], Login]] = {
    "authorization_code": _authorization_code,
    "client_credentials": _client_credentials,
    "password": _password,
    "refresh_token": _refresh_token,
    JWT_BEARER: _jwt_bearer,
}
