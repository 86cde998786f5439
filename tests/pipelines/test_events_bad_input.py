"""A channel that the org refuses stays where it is, says why, and holds no other up."""

import pytest

from assets.changes_spec import ChangesSpec
from assets.specs import ObjectSpec
from resources.landing.inbox import Inbox
from tests.assets.conftest import SYNC, Harbour
from tests.pipelines.test_events_sensor import ACCOUNT, CONTACT, launch, tick

NOT_THERE = ChangesSpec(SYNC, ObjectSpec("Nope__c", ("Name",)))


def position(harbour: Harbour, spec: ChangesSpec) -> bytes | None:
    inbox = Inbox(harbour.resources["landing"].open(), harbour.org.org_id)
    return inbox.channel(spec.channel).position()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (ACCOUNT, "was refused with PERMISSION_DENIED subscription.topic.cannot.subscribe"),
        (NOT_THERE, "was refused with NOT_FOUND topic.not.found"),
    ],
    ids=["not selected for this user", "not there"],
)
def test_a_refused_channel_is_named_and_others_go_on(
    harbour: Harbour, refused: ChangesSpec, said: str
):
    harbour.org.control("PUT", "cdc", {"objects": ["Contact"]})
    requests, reason = tick(harbour, refused, CONTACT)
    harbour.org.create("Contact", {"LastName": "Meyer"})

    [request], _ = tick(harbour, refused, CONTACT)
    launch(harbour, request)

    assert requests == []
    assert reason.startswith(f"Subscribe of {refused.channel} {said}")
    assert "Select the object in Setup" in reason
    assert harbour.rows("contact", "last_name") == [("Meyer",)]
    assert position(harbour, refused) is None


@pytest.mark.slow
def test_a_channel_that_is_allowed_again_goes_on_where_it_was(harbour: Harbour):
    harbour.org.control("PUT", "cdc", {"objects": ["Account"]})
    harbour.org.create("Account", {"Name": "Before"})
    [request], _ = tick(harbour, ACCOUNT)
    launch(harbour, request)
    before = position(harbour, ACCOUNT)
    harbour.org.create("Account", {"Name": "Meanwhile"})
    harbour.org.control("PUT", "cdc", {"objects": []})

    requests, reason = tick(harbour, ACCOUNT)
    kept = position(harbour, ACCOUNT)
    harbour.org.control("PUT", "cdc", {"objects": ["Account"]})
    [request], _ = tick(harbour, ACCOUNT)
    launch(harbour, request)

    assert requests == []
    assert "Select the object in Setup" in reason
    assert kept == before
    assert harbour.rows("account", "name") == [("Before",), ("Meanwhile",)]
