"""Logins, tokens, identity [oauth help] [restforce] [nango] [swiftly]."""

import base64
import hashlib
import hmac
import time
from pathlib import Path

import jwt
import pytest
import requests

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def assertion(org, key=None, **changes):
    claims = {
        "iss": org.client_id,
        "sub": org.username,
        "aud": "https://login.salesforce.com",
        "exp": int(time.time()) + 120,
    } | changes
    return jwt.encode(claims, key or Path(org.private_key_file).read_bytes(), algorithm="RS256")


def refusal(answer):
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, answer.json()["error"], answer.json()["error_description"]


def test_a_token_answer_has_no_expires_in_and_issued_at_is_text(api):
    assert set(api.login) == {
        "access_token",
        "signature",
        "scope",
        "instance_url",
        "id",
        "token_type",
        "issued_at",
    }
    assert isinstance(api.login["issued_at"], str)
    assert api.login["access_token"].startswith(api.org.org_id[:15] + "!")
    assert api.login["instance_url"] == api.org.url


def test_the_signature_is_the_hmac_of_id_and_issued_at(api):
    login = api.login
    digest = hmac.new(
        api.org.client_secret.encode(), (login["id"] + login["issued_at"]).encode(), hashlib.sha256
    ).digest()

    assert login["signature"] == base64.b64encode(digest).decode()


def test_client_credentials_are_taken_as_http_basic(org):
    answer = requests.post(
        f"{org.url}/services/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(org.client_id, org.client_secret),
        timeout=30,
    )

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        (
            {"grant_type": "client_credentials", "client_secret": "wrong"},
            (400, "invalid_client", "invalid client credentials"),
        ),
        (
            {"grant_type": "client_credentials", "client_id": "wrong"},
            (400, "invalid_client_id", "client identifier invalid"),
        ),
        (
            {"grant_type": "password", "username": "admin@tidegate.test", "password": "no"},
            (400, "invalid_grant", "authentication failure"),
        ),
        (
            {"grant_type": "password", "username": "nobody@tidegate.test", "password": "tidegate"},
            (400, "invalid_grant", "authentication failure"),
        ),
        (
            {"grant_type": "refresh_token", "refresh_token": "unknown"},
            (400, "invalid_grant", "expired access/refresh token"),
        ),
        (
            {"grant_type": "magic"},
            (400, "unsupported_grant_type", "grant type not supported"),
        ),
    ],
)
def test_a_wrong_login_gets_the_recorded_error(api, form, error):
    whole = {"client_id": api.org.client_id, "client_secret": api.org.client_secret} | form

    assert refusal(api.token(**whole)) == error


def test_client_credentials_are_refused_on_the_login_host(api):
    answer = requests.post(
        f"{api.org.url}/services/oauth2/token",
        data={
            "grant_type": "client_credentials",
            "client_id": api.org.client_id,
            "client_secret": api.org.client_secret,
        },
        headers={"Host": "login.salesforce.com"},
        timeout=30,
    )

    assert refusal(answer) == (400, "invalid_grant", "request not supported on this domain")


def test_a_user_name_and_password_log_in_without_a_refresh_token(api):
    answer = api.token(
        grant_type="password",
        client_id=api.org.client_id,
        client_secret=api.org.client_secret,
        username=api.org.username,
        password=api.org.password,
    )

    assert answer.status_code == 200
    assert "refresh_token" not in answer.json()


@pytest.mark.parametrize("audience", ["https://login.salesforce.com", "own"])
def test_a_signed_assertion_logs_in(api, audience):
    aud = api.org.url if audience == "own" else audience

    answer = api.token(grant_type=JWT_BEARER, assertion=assertion(api.org, aud=aud))

    assert answer.status_code == 200
    assert "refresh_token" not in answer.json()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"aud": "https://example.com"}, ("invalid_grant", "audience is invalid")),
        ({"aud": "https://login.salesforce.com/"}, ("invalid_grant", "audience is invalid")),
        ({"exp": 1_000_000_000}, ("invalid_grant", "expired authorization code")),
        ({"exp": 9_999_999_999}, ("invalid_grant", "expired authorization code")),
        ({"iss": "other"}, ("invalid_client_id", "client identifier invalid")),
        (
            {"sub": "nobody@tidegate.test"},
            ("invalid_grant", "user hasn't approved this consumer"),
        ),
    ],
)
def test_an_assertion_with_a_wrong_claim_is_refused(api, changes, error):
    answer = api.token(grant_type=JWT_BEARER, assertion=assertion(api.org, **changes))

    assert refusal(answer) == (400, *error)


def test_an_assertion_signed_by_another_key_is_refused(api):
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    other = generate_private_key(public_exponent=65537, key_size=2048)

    answer = api.token(grant_type=JWT_BEARER, assertion=assertion(api.org, other))

    assert refusal(answer) == (400, "invalid_grant", "invalid assertion")


def test_token_times_follow_the_machine_and_not_the_orgs_clock(api):
    api.org.advance(30 * 86_400)

    answer = api.token(grant_type=JWT_BEARER, assertion=assertion(api.org))

    assert answer.status_code == 200
    assert api.get("limits").status_code == 200


def refresh(api, token):
    return api.token(
        grant_type="refresh_token",
        client_id=api.org.client_id,
        client_secret=api.org.client_secret,
        refresh_token=token,
    )


def test_a_refresh_token_stays_as_it_is_without_rotation(api):
    answers = [refresh(api, api.org.refresh_token) for _ in range(2)]

    assert [one.status_code for one in answers] == [200, 200]
    assert all("refresh_token" not in one.json() for one in answers)


def test_with_rotation_the_old_refresh_token_is_dead_at_once(api):
    api.org.control("PUT", "auth", {"rotate_refresh_tokens": True})

    new = refresh(api, api.org.refresh_token).json()["refresh_token"]

    assert refusal(refresh(api, api.org.refresh_token)) == (
        400,
        "invalid_grant",
        "expired access/refresh token",
    )
    assert refresh(api, new).status_code == 200


def test_a_revoked_refresh_token_takes_its_access_tokens_with_it(api):
    token = refresh(api, api.org.refresh_token).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert api.get("limits", headers=headers).status_code == 200

    revoked = api.post("/services/oauth2/revoke", None, params={"token": api.org.refresh_token})

    assert revoked.status_code == 200
    assert api.get("limits", headers=headers).status_code == 401


def test_an_expired_session_is_a_list_with_one_error(api):
    api.org.control("PUT", "auth", {"session_s": 0})
    late = type(api)(api.org)

    answer = late.get("sobjects")

    assert answer.status_code == 401
    assert answer.json() == [
        {"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}
    ]


def test_introspection_tells_the_life_of_a_token(api):
    client = {"client_id": api.org.client_id, "client_secret": api.org.client_secret}
    path = f"{api.org.url}/services/oauth2/introspect"

    live = api.http.post(path, data={"token": api.login["access_token"], **client}, timeout=30)
    dead = api.http.post(path, data={"token": "unknown", **client}, timeout=30)

    assert live.json()["active"] is True
    assert live.json()["username"] == api.org.username
    assert live.json()["exp"] - live.json()["iat"] == 7200
    assert (dead.status_code, dead.json()) == (200, {"active": False})


def test_identity_and_userinfo_tell_who_is_logged_in(api):
    identity = api.http.get(api.login["id"], timeout=30).json()
    userinfo = api.get("/services/oauth2/userinfo").json()

    assert identity["organization_id"] == api.org.org_id
    assert identity["username"] == api.org.username
    assert "{version}" in identity["urls"]["rest"]
    assert userinfo["sub"] == api.login["id"]
    assert userinfo["address"] == {}


def test_an_identity_without_a_token_is_refused_in_one_word(api):
    answer = requests.get(api.login["id"], timeout=30)

    assert (answer.status_code, answer.text) == (403, "Missing_OAuth_Token")


def test_discovery_names_the_token_endpoint(api):
    answer = requests.get(f"{api.org.url}/.well-known/openid-configuration", timeout=30)

    keys = requests.get(answer.json()["jwks_uri"], timeout=30).json()["keys"]
    assert answer.json()["token_endpoint"] == f"{api.org.url}/services/oauth2/token"
    assert jwt.PyJWK(keys[0]).key_type == "RSA"
