"""Channels are named after objects, custom ones in their own way."""

import pytest

from resources.salesforce.pubsub.channels import change_channel, changed_object, event_channel


@pytest.mark.parametrize(
    ("object_name", "channel"),
    [
        ("Account", "/data/AccountChangeEvent"),
        ("Employee__c", "/data/Employee__ChangeEvent"),
        ("ns__Order__c", "/data/ns__Order__ChangeEvent"),
    ],
)
def test_a_channel_belongs_to_an_object(object_name, channel):
    assert change_channel(object_name) == channel
    assert changed_object(channel) == object_name


def test_other_channels_belong_to_no_object():
    for channel in ("/data/ChangeEvents", "/data/Sales__chn", "/event/Order_Event__e"):
        assert changed_object(channel) is None
    assert event_channel("Order_Event__e") == "/event/Order_Event__e"
