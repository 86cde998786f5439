"""Access and refresh tokens that the org has issued. Lifetimes follow the machine's clock."""

from __future__ import annotations

import secrets
import string
import threading
import time
from dataclasses import dataclass, field

# Default session timeout [oauth help], not confirmed: two hours of inactivity.
SESSION_S = 7200.0
# Real tokens hold `.` and `_` [cci].
_TOKEN_ALPHABET = string.ascii_letters + string.digits + "._"


@dataclass
class Session:
    """One access token. `expires_at` moves on with each use."""

    token: str
    user_id: str
    client_id: str
    scope: str
    issued_at: float
    expires_at: float
    refresh_token: str | None = None


@dataclass(frozen=True)
class Approval:
    """A refresh token: which user lets which client act for them."""

    token: str
    user_id: str
    client_id: str
    scope: str


@dataclass
class Sessions:
    """All tokens of one org."""

    org_id: str
    session_s: float = SESSION_S
    _sessions: dict[str, Session] = field(default_factory=dict)
    _approvals: dict[str, Approval] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(
        self, user_id: str, client_id: str, scope: str, refresh_token: str | None = None
    ) -> Session:
        """Issue an access token."""
        now = time.time()
        token = f"{self.org_id[:15]}!AQ{_random(94)}"
        session = Session(
            token, user_id, client_id, scope, now, now + self.session_s, refresh_token
        )
        with self._lock:
            self._sessions[token] = session
        return session

    def use(self, token: str) -> Session | None:
        """The session of a token, kept alive; None when it is unknown or expired."""
        with self._lock:
            session = self._sessions.get(token)
            now = time.time()
            if session is None or session.expires_at <= now:
                return None
            session.expires_at = now + self.session_s
            return session

    def peek(self, token: str) -> Session | None:
        """As `use`, but its life isn't prolonged."""
        with self._lock:
            session = self._sessions.get(token)
            return session if session and session.expires_at > time.time() else None

    def expire(self, token: str) -> None:
        """End the session of a token."""
        with self._lock:
            self._sessions.pop(token, None)

    def approve(self, user_id: str, client_id: str, scope: str, token: str | None = None) -> str:
        """Issue a refresh token; a given one is made valid again."""
        token = token or f"5Aep{_random(83)}"
        with self._lock:
            self._approvals[token] = Approval(token, user_id, client_id, scope)
        return token

    def approval(self, refresh_token: str) -> Approval | None:
        """What a refresh token stands for; None when it is unknown, revoked or rotated away."""
        with self._lock:
            return self._approvals.get(refresh_token)

    def rotate(self, refresh_token: str) -> str:
        """Replace a refresh token; the old one is dead at once."""
        with self._lock:
            old = self._approvals.pop(refresh_token)
        return self.approve(old.user_id, old.client_id, old.scope)

    def revoke(self, token: str) -> bool:
        """End an access token, or a refresh token and its access tokens; whether it was one."""
        with self._lock:
            if self._sessions.pop(token, None) is not None:
                return True
            if self._approvals.pop(token, None) is None:
                return False
            for session in list(self._sessions.values()):
                if session.refresh_token == token:
                    del self._sessions[session.token]
            return True

    def clear(self) -> None:
        """Forget every token."""
        with self._lock:
            self._sessions.clear()
            self._approvals.clear()
            self.session_s = SESSION_S


def _random(length: int) -> str:
    return "".join(secrets.choice(_TOKEN_ALPHABET) for _ in range(length))
