"""Checking the assertion of the JWT bearer flow. Its times follow the machine's clock."""

from __future__ import annotations

import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from emulator.errors import OAuthError
from emulator.settings import CLIENT_ID

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LOGIN_URLS = ("https://login.salesforce.com", "https://test.salesforce.com")
# The documents say 3 minutes [oauth help]; that clients use up to 5 with success is not confirmed.
LONGEST_LIFE_S = 300
SKEW_S = 30


def read_assertion(assertion: str, key: RSAPublicKey, own_url: str) -> str:
    """The user name of a valid assertion.

    Raises:
        OAuthError: Its client, signature, audience or time is wrong, checked in this order.
    """
    if _unverified(assertion).get("iss") != CLIENT_ID:
        raise OAuthError("invalid_client_id", "client identifier invalid")
    try:
        claims = jwt.decode(
            assertion, key, algorithms=["RS256"],
            options={"verify_aud": False, "verify_exp": False, "verify_iat": False,
                     "verify_nbf": False},
        )  # fmt: skip
    except jwt.InvalidTokenError:
        raise OAuthError("invalid_grant", "invalid assertion") from None
    if claims.get("aud") not in (*LOGIN_URLS, own_url):
        raise OAuthError("invalid_grant", "audience is invalid")
    _check_time(claims.get("exp"))
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise OAuthError("invalid_grant", "invalid assertion")
    return subject


def _unverified(assertion: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise OAuthError("invalid_grant", "invalid assertion") from None
    return claims


def _check_time(expires: Any) -> None:
    try:
        # Some clients send it as text, and are let in.
        left = float(expires) - time.time()
    except (TypeError, ValueError):
        raise OAuthError("invalid_grant", "invalid assertion") from None
    if not -SKEW_S <= left <= LONGEST_LIFE_S + SKEW_S:
        raise OAuthError("invalid_grant", "expired authorization code")
