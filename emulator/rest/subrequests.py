"""A request inside another one: composite and batch bodies carry them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.answer import Answer, Blob, FilePart, Text, from_error
from emulator.call import Call
from emulator.errors import ApiError, not_found
from emulator.router import Found, Router
from emulator.routes.versions import path_without_suffix, version_of
from emulator.soql import SoqlError

_DATA = "/services/data/"


@dataclass(frozen=True)
class Subrequest:
    """One request of a body. `url` is a path from the root, with its query string."""

    method: str
    url: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(router: Router, call: Call, request: Subrequest) -> Answer:
    """What the org answers to it, refusals included."""
    try:
        return _with_json(_answer(router, call, request))
    except ApiError as error:
        return from_error(error)
    except SoqlError as error:
        return from_error(ApiError(400, error.error_code, error.message))


def _answer(router: Router, call: Call, request: Subrequest) -> Answer:
    path, _, query = request.url.partition("?")
    if not path.startswith(_DATA):
        raise not_found()
    version, _, resource = path.removeprefix(_DATA).strip("/").partition("/")
    if _is_refused(resource):
        raise ApiError(
            400, "INVALID_INPUT", f"The resource {resource} can't be used in a subrequest"
        )
    found = router.find(request.method.upper(), path_without_suffix(path))
    if not isinstance(found, Found):
        raise _no_method(request.method) if found else not_found()
    return found.route.handler(
        replace(
            call,
            method=request.method.upper(),
            raw_path=path,
            raw_query=query,
            headers=_headers(call, request),
            body=b"" if request.body is None else json.dumps(request.body).encode(),
            arguments=found.arguments,
            version=version_of(version),
        )
    )


def _is_refused(resource: str) -> bool:
    """Whether it carries requests or files itself."""
    first, _, rest = resource.partition("/")
    if first == "composite":
        return not rest.startswith("sobjects")
    return first == "jobs"


def _headers(call: Call, request: Subrequest) -> dict[str, str]:
    own = {name.lower(): value for name, value in request.headers.items()}
    # Of the outer request those that say who calls; what it says about bodies isn't meant.
    outer = {n: v for n, v in call.headers.items() if n in ("host", "sforce-call-options")}
    return outer | own | {"content-type": "application/json"}


def _with_json(given: Answer) -> Answer:
    if isinstance(given.body, Blob | FilePart | Text):
        raise ApiError(400, "INVALID_INPUT", "Content that isn't JSON has no place in a body")
    return given


def _no_method(method: str) -> ApiError:
    return ApiError(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed")
