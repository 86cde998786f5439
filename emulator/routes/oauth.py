"""The token endpoint and what belongs to it."""

from __future__ import annotations

from emulator.answer import Answer
from emulator.auth.grants import check_client, log_in
from emulator.auth.identity import (
    discovery,
    identity,
    introspection,
    key_set,
    token_answer,
    userinfo,
)
from emulator.auth.users import User, find_user
from emulator.call import Call
from emulator.errors import ApiError, OAuthError
from emulator.ids import is_valid, to_18
from emulator.settings import CLIENT_ID

_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def token(call: Call) -> Answer:
    """POST /services/oauth2/token"""
    org, form = call.org, call.form()
    login = log_in(org, form, call.headers)
    session = org.sessions.open(login.user.id, CLIENT_ID, login.scope, login.refresh_token)
    body = token_answer(session, org.url, org.organization_id, login.new_refresh_token)
    return Answer(200, body, _NO_STORE)


def authorize(call: Call) -> Answer:
    """GET or POST /services/oauth2/authorize"""
    org = call.org
    place = org.web_logins.begin(call.form(), org.admin.id, org.clock.now())
    return Answer(302, None, _NO_STORE | {"Location": place})


def introspect(call: Call) -> Answer:
    """POST /services/oauth2/introspect"""
    org, form = call.org, call.form()
    check_client(form, call.headers)
    given = form.get("token", "")
    session = org.sessions.peek(given)
    if session is not None:
        user = _user(call, session.user_id)
        return Answer(200, introspection(session, user, org.url, org.organization_id), _NO_STORE)
    approval = org.sessions.approval(given)
    if approval is not None:
        body = {
            "active": True,
            "scope": approval.scope,
            "client_id": approval.client_id,
            "username": _user(call, approval.user_id).username,
            "token_type": "refresh_token",
        }
        return Answer(200, body, _NO_STORE)
    return Answer(200, {"active": False}, _NO_STORE)


def revoke(call: Call) -> Answer:
    """GET or POST /services/oauth2/revoke"""
    if not call.org.sessions.revoke(call.form().get("token", "")):
        raise OAuthError("invalid_token", "invalid token")
    return Answer(200)


def show_userinfo(call: Call) -> Answer:
    """GET or POST /services/oauth2/userinfo"""
    user = _user(call, call.user.user_id)
    return Answer(200, userinfo(user, call.org.url, call.org.organization_id, call.now))


def show_identity(call: Call) -> Answer:
    """GET /id/{org}/{user}"""
    org_id, user_id = call.arguments["org"], call.arguments["user"]
    if not (is_valid(org_id) and is_valid(user_id)) or to_18(org_id) != to_18(
        call.org.organization_id
    ):
        raise ApiError(404, "NOT_FOUND", "Bad_Id")
    return Answer(
        200,
        identity(_user(call, to_18(user_id)), call.org.url, call.org.organization_id, call.now),
    )


def show_discovery(call: Call) -> Answer:
    """GET /.well-known/openid-configuration"""
    return Answer(200, discovery(call.org.url))


def show_keys(call: Call) -> Answer:
    """GET /id/keys"""
    return Answer(200, key_set(call.org.keys.public_key))


def _user(call: Call, user_id: str) -> User:
    with call.org.database.reader() as connection:
        user = find_user(connection, "Id", user_id)
    if user is None:
        raise ApiError(404, "NOT_FOUND", "Bad_Id")
    return user
