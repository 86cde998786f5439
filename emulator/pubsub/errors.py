"""What the Pub/Sub API refuses: a gRPC status, and the code in the trailer `error-code`."""

from __future__ import annotations

from typing import Any, NoReturn

import grpc

from emulator.errors import EmulatorError
from emulator.faults import Faults
from emulator.pubsub.error_codes import STATUSES

PREFIX = "sfdc.platform.eventbus.grpc."


class PubSubError(EmulatorError):
    """A call or a stream ends with an error.

    Attributes:
        code: Behind `sfdc.platform.eventbus.grpc.` [pubsub docs].
    """

    def __init__(self, status: grpc.StatusCode, code: str, message: str) -> None:
        super().__init__(status, code, message)
        self.status, self.code, self.message = status, code, message

    def __str__(self) -> str:
        return f"{self.status.name} {self.code}: {self.message}"


def refuse(context: grpc.ServicerContext, error: PubSubError, rpc_id: str) -> NoReturn:
    """End the call, with the trailers that clients read."""
    trailers: Any = (("error-code", PREFIX + error.code), ("rpc-id", rpc_id))
    context.set_trailing_metadata(trailers)
    context.abort(error.status, f"{error.message} rpcId: {rpc_id}")
    raise AssertionError("abort raises")


def refuse_on_request(faults: Faults, rpc: str, topic: str, *objects: str) -> None:
    """Refuse the call, or end the stream, if a fault wants that.

    Raises:
        PubSubError: With the fault's code.
    """
    code = faults.take_refusal(*objects, rpc=rpc, topic=topic)
    if code is not None:
        status = grpc.StatusCode[STATUSES[code]]
        raise PubSubError(status, code, f"The call was refused: {code}.")


def invalid(code: str, message: str) -> PubSubError:
    """INVALID_ARGUMENT."""
    return PubSubError(grpc.StatusCode.INVALID_ARGUMENT, code, message)


def unauthenticated(code: str, message: str) -> PubSubError:
    """UNAUTHENTICATED."""
    return PubSubError(grpc.StatusCode.UNAUTHENTICATED, code, message)


def topic_not_found(topic: str) -> PubSubError:
    """There is no such channel."""
    return PubSubError(
        grpc.StatusCode.NOT_FOUND,
        "topic.not.found",
        f"The topic {topic} isn't found. Ensure that the topic name is valid.",
    )
