"""What the org tells about a login: the token answer, identity, userinfo, discovery."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm

from emulator.auth.sessions import Session
from emulator.auth.users import User
from emulator.ids import to_18
from emulator.settings import CLIENT_SECRET
from emulator.timestamps import rest_datetime


def identity_url(url: str, org_id: str, user_id: str) -> str:
    """``…/id/<org id>/<user id>``, both in 18 characters."""
    return f"{url}/id/{to_18(org_id)}/{to_18(user_id)}"


def token_answer(
    session: Session, url: str, org_id: str, new_refresh_token: str | None
) -> dict[str, Any]:
    """The body of a granted login. There is no `expires_in`, and `issued_at` is text.

    Sources: [oauth help] [restforce].
    """
    identity = identity_url(url, org_id, session.user_id)
    issued_at = str(int(session.issued_at * 1000))
    body = {
        "access_token": session.token,
        "signature": signature(identity, issued_at),
        "scope": session.scope,
        "instance_url": url,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued_at,
    }
    return body | ({"refresh_token": new_refresh_token} if new_refresh_token else {})


def signature(identity: str, issued_at: str) -> str:
    """Base64 HMAC-SHA256 of id and issued_at, keyed by the client's secret [oauth help] [sent]."""
    digest = hmac.new(CLIENT_SECRET.encode(), (identity + issued_at).encode(), hashlib.sha256)
    return base64.b64encode(digest.digest()).decode()


def introspection(session: Session, user: User, url: str, org_id: str) -> dict[str, Any]:
    """The answer to `introspect` for a live access token."""
    issued_at = int(session.issued_at)
    return {
        "active": True,
        "scope": session.scope,
        "client_id": session.client_id,
        "username": user.username,
        "sub": identity_url(url, org_id, session.user_id),
        "token_type": "access_token",
        "exp": int(session.expires_at),
        "iat": issued_at,
        "nbf": issued_at,
    }


def api_urls(url: str, org_id: str, user_id: str) -> dict[str, str]:
    """The `urls` of identity and userinfo; `{version}` stands in them literally."""
    org15 = org_id[:15]
    rest = f"{url}/services/data/v{{version}}/"
    return {
        "enterprise": f"{url}/services/Soap/c/{{version}}/{org15}",
        "metadata": f"{url}/services/Soap/m/{{version}}/{org15}",
        "partner": f"{url}/services/Soap/u/{{version}}/{org15}",
        "rest": rest,
        "sobjects": f"{rest}sobjects/",
        "search": f"{rest}search/",
        "query": f"{rest}query/",
        "recent": f"{rest}recent/",
        "tooling_soap": f"{url}/services/Soap/T/{{version}}/{org15}",
        "tooling_rest": f"{rest}tooling/",
        "profile": f"{url}/{to_18(user_id)}",
        "feeds": f"{rest}chatter/feeds",
        "groups": f"{rest}chatter/groups",
        "users": f"{rest}chatter/users",
        "feed_items": f"{rest}chatter/feed-items",
        "feed_elements": f"{rest}chatter/feed-elements",
        "custom_domain": url,
    }


def identity(user: User, url: str, org_id: str, now: datetime) -> dict[str, Any]:
    """The body of the identity URL (recorded)."""
    return {
        "id": identity_url(url, org_id, user.id),
        "asserted_user": True,
        "user_id": user.id,
        "organization_id": to_18(org_id),
        "username": user.username,
        "nick_name": user.username.partition("@")[0],
        "display_name": user.display_name,
        "email": user.email,
        "email_verified": True,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "timezone": user.time_zone,
        "photos": _photos(url),
        "addr_street": None,
        "addr_city": None,
        "addr_state": None,
        "addr_country": None,
        "addr_zip": None,
        "mobile_phone": None,
        "mobile_phone_verified": False,
        "is_lightning_login_user": False,
        "status": {"created_date": None, "body": None},
        "urls": api_urls(url, org_id, user.id),
        "active": user.active,
        "user_type": "STANDARD",
        "language": user.language,
        "locale": user.locale,
        "utcOffset": 0,
        "last_modified_date": rest_datetime(now.replace(microsecond=0)),
        "is_app_installed": True,
    }


def userinfo(user: User, url: str, org_id: str, now: datetime) -> dict[str, Any]:
    """The body of `userinfo`; `sub` is the identity URL, not the user's id [nango]."""
    return {
        "sub": identity_url(url, org_id, user.id),
        "user_id": user.id,
        "organization_id": to_18(org_id),
        "preferred_username": user.username,
        "nickname": user.username.partition("@")[0],
        "name": user.display_name,
        "email": user.email,
        "email_verified": True,
        "given_name": user.first_name,
        "family_name": user.last_name,
        "zoneinfo": user.time_zone,
        "photos": _photos(url),
        "profile": f"{url}/{user.id}",
        "picture": _photos(url)["picture"],
        "address": {},
        "is_salesforce_integration_user": False,
        "urls": api_urls(url, org_id, user.id),
        "active": user.active,
        "user_type": "STANDARD",
        "language": user.language,
        "locale": user.locale,
        "utcOffset": 0,
        "updated_at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
    }


def _photos(url: str) -> dict[str, str]:
    return {"picture": f"{url}/profilephoto/005/F", "thumbnail": f"{url}/profilephoto/005/T"}


def key_set(key: RSAPublicKey) -> dict[str, Any]:
    """`/id/keys`: the public key, as JSON."""
    return {"keys": [RSAAlgorithm.to_jwk(key, as_dict=True) | {"use": "sig", "alg": "RS256"}]}


def discovery(url: str) -> dict[str, Any]:
    """`/.well-known/openid-configuration`."""
    oauth = f"{url}/services/oauth2"
    return {
        "issuer": url,
        "authorization_endpoint": f"{oauth}/authorize",
        "token_endpoint": f"{oauth}/token",
        "revocation_endpoint": f"{oauth}/revoke",
        "userinfo_endpoint": f"{oauth}/userinfo",
        "introspection_endpoint": f"{oauth}/introspect",
        "jwks_uri": f"{url}/id/keys",
        "scopes_supported": ["id", "api", "web", "full", "refresh_token", "openid"],
        "response_types_supported": ["code", "token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    }
