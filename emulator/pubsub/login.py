"""Who calls: the three metadata keys that each call carries."""

from __future__ import annotations

import grpc

from emulator.auth.sessions import Session
from emulator.ids import is_valid, to_18
from emulator.org import Org
from emulator.pubsub.errors import unauthenticated

KEYS = ("accesstoken", "instanceurl", "tenantid")


def log_in(org: Org, context: grpc.ServicerContext) -> Session:
    """The session of a call.

    Raises:
        PubSubError: A key is missing, or one of them is wrong.
    """
    given = {str(key): value for key, value in context.invocation_metadata()}
    missing = [key for key in KEYS if not given.get(key)]
    if missing:
        raise unauthenticated(
            "service.auth.headers.invalid",
            f"Authentication headers are missing: {', '.join(missing)}.",
        )
    token, instance, tenant = (_text(given[key]) for key in KEYS)
    # The 15 characters of the organization's Id will do.
    right_org = is_valid(tenant) and to_18(tenant) == org.organization_id
    right_url = instance.rstrip("/").lower() == org.url.lower()
    session = org.sessions.use(token)
    if session is None or not right_org or not right_url:
        raise unauthenticated(
            "service.auth.error",
            "An authentication exception occurred. Provide valid authentication.",
        )
    return session


def still_valid(org: Org, token: str) -> None:
    """Check that a stream's session hasn't ended meanwhile.

    Raises:
        PubSubError: It has.
    """
    if org.sessions.peek(token) is None:
        raise unauthenticated("service.auth.error", "The session has expired or was revoked.")


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
