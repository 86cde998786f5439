"""A scripted server, and clients of it that wait for hundredths of a second."""

import itertools

import pytest

from resources.salesforce.auth import Token
from resources.salesforce.login_session import LoginSession
from resources.salesforce.pubsub.client import PubSub
from resources.salesforce.retry_plan import RetryPolicy
from resources.salesforce.settings import ClientCredentials, ConnectionSettings
from tests.resources.salesforce.pubsub.scripted_server import Script, serving

QUICK = RetryPolicy(attempts=4, first_wait_s=0.01, longest_wait_s=0.05)
ORG_ID = "00D000000000001EAA"


@pytest.fixture
def script():
    """A running server."""
    with serving(Script()) as running:
        yield running


@pytest.fixture
def connect(script):
    """Makes clients whose logins are numbered tokens."""
    made = []

    def make(**settings):
        numbers = itertools.count(1)

        def post_token(_):
            return Token(
                f"token-{next(numbers)}",
                "https://acme.my.salesforce.com",
                ORG_ID,
                "005000000000001AAA",
                None,
            )

        org = ConnectionSettings(
            "salesforce", "https://acme.my.salesforce.com", ClientCredentials("a", "b")
        )
        login = LoginSession(org, post_token)
        made.append(PubSub(login, script.endpoint, retry=QUICK, **settings))
        return made[-1]

    yield make
    for pubsub in made:
        pubsub.close()


@pytest.fixture
def pubsub(connect):
    """A client of the server."""
    return connect()
