"""Clients of the running org; they wait without sleeping."""

from collections.abc import Callable, Iterator

import pytest

from resources.salesforce.client import SalesforceClient
from resources.salesforce.settings import ClientCredentials, ConnectionSettings, Login
from resources.salesforce.transport import Transport
from tests.emulator_process import Org

Connect = Callable[..., SalesforceClient]


@pytest.fixture
def waits() -> list[float]:
    """How long the clients of this test wanted to sleep, one entry each time."""
    return []


@pytest.fixture
def connect(waits: list[float]) -> Iterator[Connect]:
    """Makes clients of an org, whose policy is that of production and whose sleep is noted only."""
    clients = []

    def make(
        org: Org | str,
        login: Login | None = None,
        sleep: Callable[[float], None] = waits.append,
        **settings: object,
    ) -> SalesforceClient:
        url = org if isinstance(org, str) else org.url
        login = login or ClientCredentials("tidegate", "tidegate-secret")
        whole = ConnectionSettings("salesforce", url, login, **settings)
        clients.append(SalesforceClient(whole, transport=Transport(whole, sleep=sleep)))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(org: Org, connect: Connect) -> SalesforceClient:
    """A client of the empty org."""
    return connect(org)
