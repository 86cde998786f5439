import pytest

from tests.emulator.api import Api


@pytest.fixture
def api(org):
    """A session of the admin, logged in to an empty org."""
    return Api(org)
