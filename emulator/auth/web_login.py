"""The web-server flow: a browser is sent here, and back to its application with a code.

Nobody is asked: the org's admin consents at once, or refuses, as the controls say. Codes live by
the org's clock. Source: [oauth help]; how long they live, and what a wrong verifier is told, is
not confirmed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import string
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from emulator.errors import OAuthError
from emulator.settings import CLIENT_ID

CODE_LIFETIME = timedelta(minutes=15)
DEFAULT_SCOPE = "refresh_token api"
# Scopes with which a refresh token is given.
REFRESH_SCOPES = frozenset({"refresh_token", "offline_access"})

_ALPHABET = string.ascii_letters + string.digits + "._"


@dataclass(frozen=True)
class Code:
    """What a code stands for. `challenge` is None when the login began without PKCE."""

    user_id: str
    scope: str
    redirect_uri: str
    challenge: str | None
    issued_at: datetime


@dataclass
class WebLogins:
    """The codes that are out, and whether the user consents."""

    consents: bool = True
    _codes: dict[str, Code] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, form: Mapping[str, str], user_id: str, now: datetime) -> str:
        """Where the browser is sent: the application's address with a code, or with an error.

        Raises:
            OAuthError: It can't be sent back: the client or its address is wrong.
        """
        if form.get("client_id", "") != CLIENT_ID:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        target = form.get("redirect_uri", "")
        if not (urlsplit(target).scheme and urlsplit(target).netloc) or "#" in target:
            raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
        answer = self._refusal(form) or {"code": self._issue(form, user_id, now)}
        state = {"state": form["state"]} if "state" in form else {}
        return f"{target}{'&' if '?' in target else '?'}{urlencode(answer | state)}"

    def redeem(self, form: Mapping[str, str], now: datetime) -> Code:
        """What a code stands for; it is used up thereby.

        Raises:
            OAuthError: It is unknown, used, too old, or whoever brings it didn't ask for it.
        """
        with self._lock:
            code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.issued_at + CODE_LIFETIME <= now:
            raise OAuthError("invalid_grant", "expired authorization code")
        if form.get("redirect_uri", "") != code.redirect_uri:
            raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
        if code.challenge is not None and not _fits(form.get("code_verifier", ""), code.challenge):
            raise OAuthError("invalid_grant", "invalid code verifier")
        return code

    def clear(self) -> None:
        """No codes, and a user who consents."""
        with self._lock:
            self._codes.clear()
        self.consents = True

    def _refusal(self, form: Mapping[str, str]) -> dict[str, str]:
        if form.get("response_type") != "code":
            return _error("unsupported_response_type", "response type not supported")
        if form.get("code_challenge_method", "S256") != "S256":
            return _error("invalid_request", "code challenge method not supported")
        if not self.consents:
            return _error("access_denied", "end-user denied authorization")
        return {}

    def _issue(self, form: Mapping[str, str], user_id: str, now: datetime) -> str:
        # It ends in `==`, which stands as `%3D%3D` in the address [oauth help].
        name = f"aPrx{''.join(secrets.choice(_ALPHABET) for _ in range(76))}=="
        with self._lock:
            self._codes[name] = Code(
                user_id,
                form.get("scope") or DEFAULT_SCOPE,
                form["redirect_uri"],
                form.get("code_challenge"),
                now,
            )
        return name


def _error(error: str, description: str) -> dict[str, str]:
    return {"error": error, "error_description": description}


def _fits(verifier: str, challenge: str) -> bool:
    digest = hashlib.sha256(verifier.encode()).digest()
    made = base64.urlsafe_b64encode(digest).rstrip(b"=")
    return hmac.compare_digest(made, challenge.rstrip("=").encode())
