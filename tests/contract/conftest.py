"""The real client and the running org, for what holds of Salesforce itself."""

import pytest

from resources.salesforce.client import SalesforceClient
from resources.salesforce.settings import ClientCredentials, ConnectionSettings
from resources.salesforce.transport import Transport


@pytest.fixture
def waits():
    """How long the clients of this test wanted to sleep, one entry each time."""
    return []


@pytest.fixture
def connect(org, waits):
    """Makes clients of the org whose sleep is noted only."""
    clients = []

    def make(**settings):
        login = ClientCredentials(org.client_id, org.client_secret)
        whole = ConnectionSettings("salesforce", org.url, login, **settings)
        clients.append(SalesforceClient(whole, transport=Transport(whole, sleep=waits.append)))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(connect):
    return connect()
