"""Where a subscription starts, as its first request says."""

from __future__ import annotations

import grpc

from emulator.events.channels import Channel, find_channel
from emulator.events.reading import before_oldest, is_kept, seq_of
from emulator.org import Org
from emulator.pubsub.errors import PubSubError, invalid, topic_not_found
from emulator.pubsub.generated.pubsub_api_pb2 import CUSTOM, EARLIEST, FetchRequest

CORRUPTED = "subscription.fetch.replayid.corrupted"


def channel_of(org: Org, topic: str) -> Channel:
    """The channel of a topic.

    Raises:
        PubSubError: None is given, or there is none of that name.
    """
    if not topic:
        raise invalid("topic.validation.empty", "The topic name is empty.")
    chosen = org.journal.selection
    found = find_channel(org.schema, topic, chosen.objects, chosen.channels)
    if found is None:
        raise topic_not_found(topic)
    return found


def subscribable(org: Org, topic: str) -> Channel:
    """The channel of a topic that can be subscribed to.

    Raises:
        PubSubError: There is none, or its object isn't selected for change events.
    """
    channel = channel_of(org, topic)
    if not channel.selected:
        raise PubSubError(
            grpc.StatusCode.PERMISSION_DENIED,
            "subscription.topic.cannot.subscribe",
            f"The topic {topic} can't be subscribed to.",
        )
    return channel


def first_seq(org: Org, channel: Channel, request: FetchRequest) -> int:
    """The position before the first event to send.

    Raises:
        PubSubError: The replay id is missing, isn't one, or its event isn't kept any more.
    """
    if request.replay_preset == EARLIEST:
        return before_oldest(org.journal)
    if request.replay_preset != CUSTOM:
        return org.journal.tip
    if not request.replay_id:
        raise invalid(
            "subscription.fetch.replayid.validation.failed",
            "The replay ID is required when the replay preset is CUSTOM.",
        )
    expired = org.faults.take_event(
        {"expire_replay"}, *channel.objects, rpc="Subscribe", topic=channel.topic
    )
    return position(org, request.replay_id, expired=bool(expired))


def position(org: Org, replay: bytes, *, expired: bool = False) -> int:
    """The position that a replay id stands for.

    Raises:
        PubSubError: It isn't one, or it is older than what is kept.
    """
    seq = seq_of(replay)
    if seq is None or expired or not is_kept(org.journal, seq):
        raise invalid(
            CORRUPTED,
            "The replay ID validation failed. Ensure that the replay ID is valid.",
        )
    return seq
