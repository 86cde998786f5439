"""The web-server flow with PKCE [oauth help]."""

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

REDIRECT = "http://127.0.0.1:9/callback"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()
# Padding isn't part of a challenge (RFC 7636).
CHALLENGE = CHALLENGE.rstrip("=")


def authorize(org, **changes):
    asked = {
        "response_type": "code",
        "client_id": org.client_id,
        "redirect_uri": REDIRECT,
        "state": "a b&c",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | changes
    return requests.get(
        f"{org.url}/services/oauth2/authorize",
        params={name: value for name, value in asked.items() if value is not None},
        allow_redirects=False,
        timeout=30,
    )


def sent_back(answer):
    """The query that the application receives."""
    assert answer.status_code == 302, answer.text
    place = urlsplit(answer.headers["Location"])
    assert place.geturl().startswith(REDIRECT)
    return {name: values[0] for name, values in parse_qs(place.query).items()}


def redeem(org, code, **changes):
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": org.client_id,
        "client_secret": org.client_secret,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    } | changes
    form = {name: value for name, value in form.items() if value is not None}
    return requests.post(f"{org.url}/services/oauth2/token", data=form, timeout=30)


def refusal(answer):
    return answer.status_code, answer.json()["error"], answer.json()["error_description"]


def test_a_browser_is_sent_back_with_a_code_that_logs_the_admin_in(org):
    answer = authorize(org)
    code = sent_back(answer)["code"]
    login = redeem(org, code).json()

    assert "%3D%3D" in answer.headers["Location"]
    assert code.startswith("aPrx")
    assert code.endswith("==")
    assert sent_back(answer)["state"] == "a b&c"
    assert login["scope"] == "refresh_token api"
    token = {"Authorization": f"Bearer {login['access_token']}"}
    user = requests.get(f"{org.url}/services/oauth2/userinfo", headers=token, timeout=30).json()
    assert user["preferred_username"] == org.username


def test_its_refresh_token_opens_further_sessions(org):
    login = redeem(org, sent_back(authorize(org))["code"]).json()

    again = requests.post(
        f"{org.url}/services/oauth2/token",
        data={
            "grant_type": "refresh_token",
            "refresh_token": login["refresh_token"],
            "client_id": org.client_id,
        },
        timeout=30,
    ).json()

    assert again["access_token"] != login["access_token"]


def test_without_the_scope_there_is_no_refresh_token(org):
    login = redeem(org, sent_back(authorize(org, scope="api"))["code"]).json()

    assert login["scope"] == "api"
    assert "refresh_token" not in login


def test_a_code_is_good_once_and_for_15_minutes(org):
    used, late = (sent_back(authorize(org))["code"] for _ in range(2))
    assert redeem(org, used).status_code == 200
    org.advance(15 * 60)

    for code in (used, late, "never issued=="):
        assert refusal(redeem(org, code)) == (
            400,
            "invalid_grant",
            "expired authorization code",
        )


@pytest.mark.parametrize("verifier", [None, "", "w" * 64, CHALLENGE])
def test_a_code_needs_the_verifier_of_its_challenge(org, verifier):
    code = sent_back(authorize(org))["code"]

    answer = redeem(org, code, code_verifier=verifier)

    assert refusal(answer) == (400, "invalid_grant", "invalid code verifier")


def test_a_code_without_a_challenge_needs_the_secret(org):
    first, second = (
        sent_back(authorize(org, code_challenge=None, code_challenge_method=None))["code"]
        for _ in range(2)
    )

    right = redeem(org, first, code_verifier=None)
    without = redeem(org, second, code_verifier=None, client_secret=None)

    assert right.status_code == 200
    assert refusal(without)[1] == "invalid_client"


def test_a_client_with_a_verifier_needs_no_secret_but_no_wrong_one_either(org):
    first, second = (sent_back(authorize(org))["code"] for _ in range(2))

    assert redeem(org, first, client_secret=None).status_code == 200
    assert refusal(redeem(org, second, client_secret="wrong"))[1] == "invalid_client"


def test_a_code_goes_with_its_redirect_uri(org):
    code = sent_back(authorize(org))["code"]

    answer = redeem(org, code, redirect_uri=f"{REDIRECT}/other")

    assert refusal(answer)[:2] == (400, "redirect_uri_mismatch")


def test_a_user_may_refuse(org):
    org.control("PUT", "auth", {"consents": False})

    answer = authorize(org)

    assert sent_back(answer) == {
        "error": "access_denied",
        "error_description": "end-user denied authorization",
        "state": "a b&c",
    }
    assert "end-user+denied+authorization" in answer.headers["Location"]


def test_other_response_types_and_challenges_are_refused_to_the_application(org):
    implicit = authorize(org, response_type="token")
    plain = authorize(org, code_challenge_method="plain")

    assert sent_back(implicit)["error"] == "unsupported_response_type"
    assert sent_back(plain)["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "nobody"}, "invalid_client_id"),
        ({"redirect_uri": None}, "redirect_uri_mismatch"),
        ({"redirect_uri": "/callback"}, "redirect_uri_mismatch"),
    ],
)
def test_nobody_is_sent_to_an_address_that_cannot_be_trusted(org, changes, error):
    assert refusal(authorize(org, **changes))[:2] == (400, error)


def test_an_address_with_a_query_keeps_it(org):
    answer = authorize(org, redirect_uri=f"{REDIRECT}?tenant=7")

    assert sent_back(answer)["tenant"] == "7"
    assert sent_back(answer)["code"].endswith("==")
