"""Several requests in one, which may use each other's answers [nango] [cci] [rest guide]."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.answer import Answer, from_error
from emulator.call import Call
from emulator.errors import ApiError
from emulator.rest.references import resolved, resolved_url
from emulator.rest.subrequests import Subrequest, answer
from emulator.router import Handler, Router, segments_of

MOST_SUBREQUESTS = 25
# Queries and collections among them.
MOST_OF_MANY_ROWS = 5
# From this version on a referenceId is checked [rest guide].
REFERENCE_ID_CHECKED_SINCE = 52.0

_REFERENCE_ID = re.compile(r"\w+", re.ASCII)


@dataclass(frozen=True)
class _Named:
    """A subrequest, its references still unresolved, and what later ones call its answer."""

    reference_id: str
    request: Subrequest


def composite(router: Router) -> Handler:
    """The handler of POST /composite, whose subrequests `router` leads on."""

    def handle(call: Call) -> Answer:
        body = call.json_object()
        requests = _read(call, body)
        call.org.settle()
        if body.get("allOrNone") is True:
            answers = call.org.rows.transaction(lambda: _all_or_none(router, call, requests))
        else:
            answers = _each(router, call, requests)
        pairs = zip(requests, answers, strict=True)
        return Answer(200, {"compositeResponse": [_as_json(one, got) for one, got in pairs]})

    return handle


def _each(router: Router, call: Call, requests: Sequence[_Named]) -> list[Answer]:
    bodies: dict[str, Any] = {}
    answers = []
    for one in requests:
        got = _answer(router, call, one, bodies)
        answers.append(got)
        if not _failed(got):
            bodies[one.reference_id] = got.body
    return answers


def _all_or_none(router: Router, call: Call, requests: Sequence[_Named]) -> list[Answer]:
    bodies: dict[str, Any] = {}
    answers = []
    for number, one in enumerate(requests):
        got = _answer(router, call, one, bodies)
        # A collection that undid itself undid the transaction, though its status is 200.
        if _failed(got) or call.org.rows.rolls_back:
            call.org.rows.roll_back()
            return [got if n == number else from_error(_halted()) for n in range(len(requests))]
        answers.append(got)
        bodies[one.reference_id] = got.body
    return answers


def _answer(router: Router, call: Call, one: _Named, bodies: Mapping[str, Any]) -> Answer:
    try:
        request = Subrequest(
            one.request.method,
            resolved_url(one.request.url, bodies),
            resolved(one.request.body, bodies),
            resolved(one.request.headers, bodies),
        )
    except ApiError as error:
        return from_error(error)
    return answer(router, call, request)


def _failed(got: Answer) -> bool:
    return got.status >= 400


def _as_json(one: _Named, got: Answer) -> dict[str, Any]:
    return {
        "body": got.body,
        "httpHeaders": dict(got.headers),
        "httpStatusCode": got.status,
        "referenceId": one.reference_id,
    }


def _read(call: Call, body: Mapping[str, Any]) -> list[_Named]:
    given = body.get("compositeRequest")
    if not isinstance(given, list) or not given:
        raise _unreadable("compositeRequest is a list of subrequests")
    if len(given) > MOST_SUBREQUESTS:
        raise _too_many(f"{len(given)} subrequests; at most {MOST_SUBREQUESTS} are allowed")
    requests = [_read_one(call, one) for one in given]
    names = [one.reference_id for one in requests]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise _unreadable(f"The referenceId {twice} is used more than once")
    many = sum(1 for one in requests if _is_of_many_rows(one.request.url))
    if many > MOST_OF_MANY_ROWS:
        raise _too_many(
            f"{many} queries and collections among the subrequests; at most "
            f"{MOST_OF_MANY_ROWS} are allowed"
        )
    return requests


def _read_one(call: Call, given: Any) -> _Named:
    if not isinstance(given, dict):
        raise _unreadable("A subrequest is an object")
    method, url, name = (given.get(key) for key in ("method", "url", "referenceId"))
    if not (isinstance(method, str) and isinstance(url, str) and isinstance(name, str)):
        raise _unreadable("A subrequest needs method, url and referenceId")
    if call.version >= REFERENCE_ID_CHECKED_SINCE and not _REFERENCE_ID.fullmatch(name):
        raise _unreadable(f"The referenceId {name} may hold letters, digits and underscores")
    headers = given.get("httpHeaders") or {}
    if not isinstance(headers, dict):
        raise _unreadable("httpHeaders is an object")
    texts = {str(key): str(value) for key, value in headers.items()}
    return _Named(name, Subrequest(method, url, given.get("body"), texts))


def _is_of_many_rows(url: str) -> bool:
    resource = segments_of(url.partition("?")[0])[3:5]
    return resource[:1] in (["query"], ["queryAll"]) or resource == ["composite", "sobjects"]


def _unreadable(message: str) -> ApiError:
    return ApiError(400, "JSON_PARSER_ERROR", message)


def _too_many(message: str) -> ApiError:
    return ApiError(400, "LIMIT_EXCEEDED", message)


def _halted() -> ApiError:
    return ApiError(
        400,
        "PROCESSING_HALTED",
        "The transaction was rolled back since another operation in the same transaction failed.",
    )
