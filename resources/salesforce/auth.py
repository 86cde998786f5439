"""The four ways to ask the token endpoint for a token, and what its answers mean. No I/O."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import jwt

from resources.salesforce.errors import (
    AuthError,
    OAuthError,
    SettingsError,
    TransientError,
    UnavailableError,
)
from resources.salesforce.hosts import check_instance_url
from resources.salesforce.settings import (
    ClientCredentials,
    ConnectionSettings,
    JwtBearer,
    Login,
    RefreshToken,
    UsernamePassword,
)

TOKEN_PATH = "/services/oauth2/token"
PRODUCTION_AUDIENCE = "https://login.salesforce.com"
SANDBOX_AUDIENCE = "https://test.salesforce.com"
ASSERTION_LIFETIME_S = 170  # Salesforce allows 3 minutes; 10 s are left for clocks that differ
IDENTITY = re.compile(r"/id/(?P<org>00D[A-Za-z0-9]{15})/(?P<user>005[A-Za-z0-9]{15})/?$")

# OAuth's codes, never its texts: those are spelled in several ways and languages.
ADVICE: Mapping[str, str] = {
    "invalid_grant": "Check the user, the password or key, and that an administrator has approved "
    "the app for this user; client credentials need the org's My Domain as `login_url` and a "
    "Run-As user in the app; a refresh token may have been revoked, rotated or expired.",
    "invalid_client_id": "The consumer key is unknown at this host: check `client_id` and "
    "`login_url`. A new app needs up to 10 minutes before it is known.",
    "invalid_client": "The consumer secret is wrong: check `client_secret`.",
    "invalid_app_access": "Give the user a permission set or profile that the app allows.",
    "unsupported_grant_type": "This login flow is switched off in the org or the app: switch it "
    "on, or use another `flow`.",
    "inactive_user": "The user is inactive or frozen: activate it in Setup.",
    "inactive_org": "The org is locked or closed: ask its administrator.",
    "rate_limit_exceeded": "Too many logins in an hour: wait, and let runs share a connection.",
    "redirect_uri_mismatch": "The app's callback URL differs from the one sent.",
    "invalid_request": "A parameter of the login is missing: check the connection's settings.",
}
TRANSIENT_CODES = frozenset({"unknown_error"})  # "retry your request"


@dataclass(frozen=True)
class Token:
    """A login's answer."""

    access_token: str
    instance_url: str
    org_id: str
    user_id: str
    refresh_token: str | None


def jwt_audience(login_url: str) -> str:
    """The ``aud`` that the host of ``login_url`` expects."""
    host = urlsplit(login_url).hostname or ""
    labels = host.split(".")
    if labels[0] == "test" or "sandbox" in labels or "scratch" in labels or "--" in labels[0]:
        return SANDBOX_AUDIENCE
    return PRODUCTION_AUDIENCE


def assertion(login: JwtBearer, login_url: str, now_s: float) -> str:
    """A signed JWT that logs ``login.username`` in once."""
    claims = {
        "iss": login.client_id,
        "sub": login.username,
        "aud": login.audience or jwt_audience(login_url),
        "exp": int(now_s) + ASSERTION_LIFETIME_S,
    }
    try:
        return jwt.encode(claims, login.private_key, algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError) as error:
        raise SettingsError(
            "private_key", "isn't an RSA key in PEM form, without a passphrase"
        ) from error


def token_form(login: Login, login_url: str, refresh_token: str = "") -> dict[str, str]:
    """The fields to send to the token endpoint.

    Args:
        refresh_token: The newest one, for ``RefreshToken``.
    """
    match login:
        case JwtBearer():
            return {
                "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "assertion": assertion(login, login_url, time.time()),
            }
        case ClientCredentials():
            return {
                "grant_type": "client_credentials",
                "client_id": login.client_id,
                "client_secret": login.client_secret,
            }
        case RefreshToken():
            secret = {"client_secret": login.client_secret} if login.client_secret else {}
            return {
                "grant_type": "refresh_token",
                "client_id": login.client_id,
                "refresh_token": refresh_token or login.refresh_token,
                **secret,
            }
        case UsernamePassword():
            return {
                "grant_type": "password",
                "client_id": login.client_id,
                "client_secret": login.client_secret,
                "username": login.username,
                "password": login.password + login.security_token,
            }


def parse_token(body: bytes, login_url: str) -> Token:
    """The token of a successful answer.

    Raises:
        AuthError: The answer lacks what we need.
        ForeignHostError: It sends us to a host that can't be the org's.
    """
    try:
        found = json.loads(body)
        identity = IDENTITY.search(urlsplit(found["id"]).path)
        access_token, instance_url = str(found["access_token"]), str(found["instance_url"])
    except (ValueError, KeyError, TypeError) as error:
        raise AuthError(_unusable(login_url)) from error
    if not identity or not access_token:
        raise AuthError(_unusable(login_url))
    return Token(
        access_token,
        check_instance_url(instance_url, login_url),
        identity["org"],
        identity["user"],
        found.get("refresh_token"),
    )


def login_error(
    settings: ConnectionSettings, status: int, body: bytes, retry_after_s: float | None
) -> OAuthError | TransientError | AuthError:
    """The error for a token answer that isn't a success."""
    try:
        found = json.loads(body)
        code, text = str(found["error"]), str(found.get("error_description", ""))
    except (ValueError, KeyError, TypeError):
        code, text = "", ""
    if code in TRANSIENT_CODES or status == 429 or status >= 500:
        return UnavailableError("POST", TOKEN_PATH, status, code, retry_after_s)
    if not code:
        return AuthError(_unusable(settings.login_url, status))
    advice = ADVICE.get(code, "See the org's login history in Setup for the reason.")
    host = urlsplit(settings.login_url).hostname or settings.login_url
    return OAuthError(host, settings.login.flow, code, text, advice)


def _unusable(login_url: str, status: int = 200) -> str:
    return (
        f"{login_url}{TOKEN_PATH} answered HTTP {status} with something that isn't a token. "
        "Check that `login_url` is a Salesforce login host or My Domain."
    )
