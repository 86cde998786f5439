"""Controls of the event bus: bursts, keepalives, managed subscriptions."""

from __future__ import annotations

from typing import Any

from emulator.answer import Answer
from emulator.call import Call
from emulator.errors import ControlError
from emulator.events.burst import add_burst
from emulator.events.channels import find_channel
from emulator.routes.control_body import body_of, number

_SETTINGS = {"keepalive_s", "managed_subscriptions"}


def show_events(call: Call) -> Answer:
    """GET /_emulator/events"""
    org = call.org
    return Answer(
        200,
        {
            "keepalive_s": org.event_keepalive_s,
            "managed_subscriptions": {one.name: one.topic for one in org.managed.all()},
        },
    )


def set_events(call: Call) -> Answer:
    """PUT /_emulator/events {"keepalive_s"?: n, "managed_subscriptions"?: {name: topic}}"""
    body = body_of(call, _SETTINGS)
    if "keepalive_s" in body:
        call.org.event_keepalive_s = number(body["keepalive_s"], "keepalive_s")
    if "managed_subscriptions" in body:
        call.org.managed.set(_topics(call, body["managed_subscriptions"]))
    return show_events(call)


def burst(call: Call) -> Answer:
    """POST /_emulator/events/burst {"object": name, "count": n, "rate"?: events per second}"""
    body = body_of(call, {"object", "count", "rate"})
    sobject = call.org.schema.objects.get(str(body.get("object")))
    if sobject is None or sobject.name not in call.org.journal.selection.tracked:
        raise ControlError(f"{body.get('object')} isn't selected for change events", 404)
    count, rate = int(number(body.get("count"), "count")), body.get("rate")
    if count < 1:
        raise ControlError(f"`count` is a number from 1 up; got {count}")
    if rate is not None and number(rate, "rate") <= 0:
        raise ControlError(f"`rate` is a number above 0; got {rate}")
    rows = add_burst(call.org.journal, sobject, count, rate)
    if not rows:
        raise ControlError(f"{sobject.name} has no rows that a burst could tell of")
    return Answer(200, {"events": count, "records": rows})


def _topics(call: Call, given: Any) -> dict[str, str]:
    if not isinstance(given, dict):
        raise ControlError("`managed_subscriptions` is an object of developer names and topics")
    chosen = call.org.journal.selection
    for topic in given.values():
        if find_channel(call.org.schema, str(topic), chosen.objects, chosen.channels) is None:
            raise ControlError(f"there is no channel {topic}", 404)
    return {str(name): str(topic) for name, topic in given.items()}
