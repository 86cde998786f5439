"""ManagedSubscribe: the org keeps the position, which the client commits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import grpc

from emulator.auth.sessions import Session
from emulator.events.managed import ManagedSubscription
from emulator.org import Org
from emulator.pubsub.errors import PubSubError, invalid
from emulator.pubsub.generated import pubsub_api_pb2 as api
from emulator.pubsub.requests import Requests
from emulator.pubsub.start import position, subscribable
from emulator.pubsub.subscription import Subscription

_CODE = "managed.subscription."


def managed_responses(
    org: Org,
    session: Session,
    incoming: Iterator[api.ManagedFetchRequest],
    context: grpc.ServicerContext,
    rpc_id: str,
) -> Iterator[api.ManagedFetchResponse]:
    """Events, keepalives, and an answer to each commit.

    Raises:
        PubSubError: There is no such subscription, or another client uses it.
    """
    wake = threading.Event()
    requests: Requests[api.ManagedFetchRequest] = Requests(incoming, wake)
    first = requests.first()
    if first is None:
        return
    managed = _find(org, first)
    channel = subscribable(org, managed.topic)
    with org.managed.active(managed) as free:
        if not free:
            raise PubSubError(
                grpc.StatusCode.ALREADY_EXISTS,
                f"{_CODE}already.active",
                f"The managed subscription {managed.name} has an active client already.",
            )
        seq = org.managed.committed(managed)
        stream = Subscription(org, "ManagedSubscribe", channel, seq, session.token, wake)
        org.journal.watch(wake)
        try:
            yield from _serve(org, managed, stream, requests, first, context, rpc_id)
        finally:
            org.journal.unwatch(wake)


def _serve(
    org: Org,
    managed: ManagedSubscription,
    stream: Subscription,
    requests: Requests[api.ManagedFetchRequest],
    first: api.ManagedFetchRequest,
    context: grpc.ServicerContext,
    rpc_id: str,
) -> Iterator[api.ManagedFetchResponse]:
    waiting = [first]
    while context.is_active() and not stream.abandoned:
        for request in [*waiting, *requests.waiting()]:
            commits = request.HasField("commit_replay_id_request")
            # A request that only commits asks for nothing.
            if request.num_requested or not commits:
                stream.flow.ask(request.num_requested, f"{_CODE}fetch.request.events.invalid")
            if commits:
                yield _commit(org, managed, request.commit_replay_id_request, rpc_id)
        waiting = []
        if requests.ended and stream.flow.pending == 0:
            return
        delivery = stream.step()
        if delivery is not None:
            yield api.ManagedFetchResponse(
                events=delivery.events,
                latest_replay_id=delivery.latest_replay_id,
                rpc_id=rpc_id,
                pending_num_requested=delivery.pending,
            )


def _commit(
    org: Org, managed: ManagedSubscription, asked: api.CommitReplayRequest, rpc_id: str
) -> api.ManagedFetchResponse:
    """A failure is told in the answer; the stream goes on [pubsub docs]."""
    answer = api.CommitReplayResponse(
        commit_request_id=asked.commit_request_id,
        replay_id=asked.replay_id,
        process_time=int(time.time() * 1000),
    )
    try:
        org.managed.commit(managed, position(org, asked.replay_id))
    except PubSubError as error:
        answer.error.CopyFrom(api.Error(code=api.COMMIT, msg=error.message))
    return api.ManagedFetchResponse(commit_response=answer, rpc_id=rpc_id)


def _find(org: Org, request: api.ManagedFetchRequest) -> ManagedSubscription:
    if request.developer_name:
        found = org.managed.by_name(request.developer_name)
        missing = "developer.name.not.found"
    elif request.subscription_id:
        found = org.managed.by_id(request.subscription_id)
        missing = "subscription.id.not.found"
    else:
        raise invalid(
            f"{_CODE}id.or.developer.name.empty", "Give a subscription ID or a developer name."
        )
    if found is None:
        raise PubSubError(
            grpc.StatusCode.NOT_FOUND, f"{_CODE}{missing}", "There is no such managed subscription."
        )
    return found
