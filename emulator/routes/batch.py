"""Several requests in one that know nothing of each other [nango] [rest guide]."""

from __future__ import annotations

from typing import Any

from emulator.answer import Answer, from_error
from emulator.call import Call
from emulator.errors import ApiError
from emulator.rest.subrequests import Subrequest, answer
from emulator.router import Handler, Router

MOST_SUBREQUESTS = 25


def batch(router: Router) -> Handler:
    """The handler of POST /composite/batch, whose subrequests `router` leads on."""

    def handle(call: Call) -> Answer:
        body = call.json_object()
        requests = _read(body.get("batchRequests"))
        halts = body.get("haltOnError") is True
        answers: list[Answer] = []
        for number, request in enumerate(requests):
            if halts and any(one.status >= 400 for one in answers):
                answers.append(from_error(_halted()))
            else:
                answers.append(_counted(router, call, request, first=number == 0))
        return Answer(
            200,
            {
                "hasErrors": any(one.status >= 400 for one in answers),
                "results": [{"statusCode": a.status, "result": a.body} for a in answers],
            },
        )

    return handle


def _counted(router: Router, call: Call, request: Subrequest, *, first: bool) -> Answer:
    """Each subrequest is an API call; the one that carries them stands for the first."""
    if not first:
        try:
            call.org.limits.count_api_request()
        except ApiError as error:
            return from_error(error)
        call.counted += 1
    return answer(router, call, request)


def _read(given: Any) -> list[Subrequest]:
    if not isinstance(given, list) or not given:
        raise _unreadable("batchRequests is a list of subrequests")
    if len(given) > MOST_SUBREQUESTS:
        raise ApiError(
            400,
            "LIMIT_EXCEEDED",
            f"{len(given)} subrequests; at most {MOST_SUBREQUESTS} are allowed",
        )
    return [_read_one(one) for one in given]


def _read_one(given: Any) -> Subrequest:
    if not isinstance(given, dict):
        raise _unreadable("A subrequest is an object")
    method, url = given.get("method"), given.get("url")
    if not (isinstance(method, str) and isinstance(url, str)):
        raise _unreadable("A subrequest needs method and url")
    # `v57.0/limits` is meant, and the whole path is taken as well.
    path = url if url.startswith("/services/data/") else f"/services/data/{url.lstrip('/')}"
    return Subrequest(method, path, given.get("richInput"))


def _unreadable(message: str) -> ApiError:
    return ApiError(400, "JSON_PARSER_ERROR", message)


def _halted() -> ApiError:
    return ApiError(
        412, "BATCH_PROCESSING_HALTED", "A previous subrequest of the batch was unsuccessful"
    )
