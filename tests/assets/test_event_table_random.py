"""However events are delivered, and whatever happens to the warehouse: each is one row."""

import os
from random import Random

import pytest

from tests.assets.conftest import Harbour
from tests.assets.platform_events import EventFollower, Publisher

EXAMPLES = int(os.environ.get("TIDEGATE_EXAMPLES", "3"))
STEPS, EVENTS = 12, 10


@pytest.mark.parametrize("seed", range(EXAMPLES))
def test_each_event_is_one_row_however_it_is_delivered(harbour: Harbour, seed: int):
    random, publisher, follower = Random(seed), Publisher(harbour.org), EventFollower(harbour)
    for number in range(EVENTS):
        publisher.publish(str(number))
    follower.drain()
    events = follower.landed()
    file, backup, position = harbour.folder / "warehouse.duckdb", None, 0

    for _ in range(STEPS):
        what = random.choice(
            ["deliver", "deliver", "deliver", "apply", "apply", "break", "restore"]
        )
        if what == "deliver":
            again = random.sample(events, k=random.randint(1, EVENTS))
            # Salesforce delivers the same EventUuid under another replay id.
            position += 1
            follower.land(
                *(
                    {**event, "replay_id": bytes([100, position, n])}
                    for n, event in enumerate(again)
                )
            )
        elif what == "apply":
            follower.apply()
            backup = backup or file.read_bytes()
        elif what == "break":
            with follower.channel.try_write() as writer:
                writer.mark_break("made by the test")
        elif backup:
            file.write_bytes(backup)
    follower.apply()

    assert sorted(follower.rows("event_uuid", "order_id_c")) == sorted(
        (event["event_id"], str(number)) for number, event in enumerate(events)
    )
