"""What is sent to the token endpoint, and what its answers become. No network."""

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from resources.salesforce.auth import ADVICE, jwt_audience, login_error, parse_token, token_form
from resources.salesforce.errors import (
    AuthError,
    ForeignHostError,
    OAuthError,
    SettingsError,
    UnavailableError,
)
from resources.salesforce.settings import (
    ClientCredentials,
    ConnectionSettings,
    JwtBearer,
    RefreshToken,
    UsernamePassword,
)

MY_DOMAIN = "https://acme.my.salesforce.com"
ANSWER = {
    "access_token": "00D000000000001!AQ.x_y",
    "instance_url": MY_DOMAIN,
    "id": "https://login.salesforce.com/id/00D000000000001EAA/005000000000001AAA",
    "token_type": "Bearer",
    "issued_at": "1627237872637",
}
SETTINGS = ConnectionSettings("acme", MY_DOMAIN, ClientCredentials("app", "hush"))


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def test_client_credentials_send_key_and_secret():
    assert token_form(ClientCredentials("app", "hush"), MY_DOMAIN) == {
        "grant_type": "client_credentials",
        "client_id": "app",
        "client_secret": "hush",
    }


def test_a_password_carries_the_security_token_at_its_end():
    form = token_form(UsernamePassword("app", "hush", "me@acme.test", "pass", "TOKEN"), MY_DOMAIN)

    assert form["password"] == "passTOKEN"
    assert (form["grant_type"], form["username"]) == ("password", "me@acme.test")


def test_a_refresh_token_may_come_without_secret():
    assert token_form(RefreshToken("app", "5Aep"), MY_DOMAIN) == {
        "grant_type": "refresh_token",
        "client_id": "app",
        "refresh_token": "5Aep",
    }


def test_an_assertion_is_signed_names_the_user_and_lives_under_three_minutes(key):
    form = token_form(JwtBearer("app", "me@acme.test", pem(key)), MY_DOMAIN)

    claims = jwt.decode(
        form["assertion"],
        key.public_key(),
        algorithms=["RS256"],
        audience="https://login.salesforce.com",
    )
    assert (claims["iss"], claims["sub"]) == ("app", "me@acme.test")
    assert time.time() < claims["exp"] <= time.time() + 180
    assert set(form) == {"grant_type", "assertion"}


def test_a_key_that_is_none_is_a_settings_error_without_the_key():
    with pytest.raises(SettingsError) as caught:
        token_form(JwtBearer("app", "me@acme.test", "not a key"), MY_DOMAIN)

    assert "not a key" not in str(caught.value)


@pytest.mark.parametrize(
    ("login_url", "audience"),
    [
        ("https://login.salesforce.com", "https://login.salesforce.com"),
        ("https://test.salesforce.com", "https://test.salesforce.com"),
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme-dev-ed.develop.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("https://acme--uat.my.salesforce.com", "https://test.salesforce.com"),
        ("https://energy-fox-1.scratch.my.salesforce.com", "https://test.salesforce.com"),
        ("http://127.0.0.1:8040", "https://login.salesforce.com"),
    ],
)
def test_the_audience_follows_the_login_host(login_url, audience):
    assert jwt_audience(login_url) == audience


def test_org_and_user_are_read_from_the_identity_url():
    token = parse_token(json.dumps(ANSWER).encode(), MY_DOMAIN)

    assert (token.org_id, token.user_id) == ("00D000000000001EAA", "005000000000001AAA")
    assert (token.instance_url, token.refresh_token) == (MY_DOMAIN, None)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        json.dumps({**ANSWER, "access_token": ""}).encode(),
        json.dumps({**ANSWER, "id": "https://login.salesforce.com/"}).encode(),
    ],
)
def test_an_answer_without_a_token_is_an_auth_error(body):
    with pytest.raises(AuthError, match="isn't a token"):
        parse_token(body, MY_DOMAIN)


def test_an_answer_that_sends_us_elsewhere_is_refused():
    body = json.dumps({**ANSWER, "instance_url": "https://evil.example"}).encode()

    with pytest.raises(ForeignHostError, match=r"evil\.example"):
        parse_token(body, MY_DOMAIN)


@pytest.mark.parametrize("code", [*ADVICE, "an_error_of_next_year"])
def test_each_refusal_keeps_its_code_and_says_what_to_do(code):
    body = json.dumps({"error": code, "error_description": "no"}).encode()

    error = login_error(SETTINGS, 400, body, None)

    assert isinstance(error, OAuthError)
    assert (error.error, error.flow) == (code, "client_credentials")
    assert ADVICE.get(code, "login history") in str(error)


@pytest.mark.parametrize(
    ("status", "body"), [(400, b'{"error":"unknown_error"}'), (503, b"<html>"), (429, b"{}")]
)
def test_a_refusal_that_passes_is_transient(status, body):
    assert isinstance(login_error(SETTINGS, status, body, None), UnavailableError)


def test_settings_show_no_secret():
    logins = [
        ClientCredentials("app", "hush"),
        JwtBearer("app", "me", "hush"),
        RefreshToken("app", "hush", "hush"),
        UsernamePassword("app", "hush", "me", "hush", "hush"),
    ]

    for login in logins:
        assert "hush" not in repr(ConnectionSettings("acme", MY_DOMAIN, login))


@pytest.mark.parametrize(
    "change",
    [
        {"login_url": "http://acme.my.salesforce.com"},
        {"api_version": "66"},
        {"reserve": -1},
        {"client_name": "a;b"},
    ],
)
def test_settings_that_cannot_work_are_refused(change):
    good = {"name": "acme", "login_url": MY_DOMAIN, "login": ClientCredentials("app", "hush")}
    with pytest.raises(SettingsError, match=next(iter(change))):
        ConnectionSettings(**{**good, **change})


def test_a_bare_host_means_https():
    settings = ConnectionSettings("acme", "acme.my.salesforce.com/", ClientCredentials("a", "b"))

    assert settings.login_url == MY_DOMAIN
