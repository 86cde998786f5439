"""From a call to its answer: faults, login, limits, version, route, errors. No sockets here."""

from __future__ import annotations

import gzip
import logging
import secrets
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.answer import Answer, Text, from_error
from emulator.auth.sessions import Session
from emulator.call import Call
from emulator.errors import ApiError, ControlError, OAuthError, not_found
from emulator.router import Found, Handler, Router, segments_of
from emulator.routes.versions import path_without_suffix, version_of
from emulator.soql import SoqlError
from emulator.timestamps import http_date

log = logging.getLogger(__name__)

URI_BYTES = 16_384
COPY_BYTES = 1 << 20
_REQUEST_FAULTS = {
    "status",
    "cut_after_bytes",
    "delay_s",
    "throttle_bytes_s",
    "expire_token",
    "limits",
}
# The identity service answers with words instead of JSON.
_IDENTITY_PATHS = ("id", "services/oauth2/userinfo")


@dataclass(frozen=True)
class Response:
    """An answer and how to send it.

    Attributes:
        fault: What goes wrong on the line: cut_after_bytes, throttle_bytes_s, delay_s.
        api_calls: How many API calls it counted as.
    """

    answer: Answer
    headers: Mapping[str, str]
    fault: Mapping[str, Any] = field(default_factory=dict)
    api_calls: int = 0


class Responder:
    """Answers calls. Runs on worker threads, many at a time."""

    def __init__(self, router: Router) -> None:
        self._router = router

    def respond(self, call: Call) -> Response:
        """The answer to a call, whatever happens."""
        if segments_of(call.raw_path)[0] == "_emulator":
            answer = self._guarded(call, self._control)
            return Response(answer, {"Date": http_date(call.org.clock.now())})
        fault: Mapping[str, Any] = {}
        try:
            _unpack_body(call)
            if call.method == "POST" and "_HttpMethod" in call.query:
                call.method = call.query["_HttpMethod"].upper()
            found = self._router.find(call.method, path_without_suffix(call.raw_path))
            call.arguments = found.arguments if isinstance(found, Found) else {}
            fault = _take_faults(call)
            answer = self._guarded(call, lambda c: self._answer(c, found, fault))
        except ApiError as error:
            answer = from_error(error)
        return Response(answer, self._headers(call), fault, call.counted)

    def _answer(self, call: Call, found: Found | set[str], fault: Mapping[str, Any]) -> Answer:
        if len(call.raw_path) + len(call.raw_query) + 1 > URI_BYTES:
            raise ApiError(414, "URI_TOO_LONG", "The URI is longer than 16,384 bytes")
        needs_login = found.route.login if isinstance(found, Found) else _is_data(call)
        if needs_login:
            _log_in(call)
        if "status" in fault:
            return _faulty(fault)
        if needs_login and _is_data(call):
            call.org.limits.count_api_request()
            call.counted = 1
        if _is_data(call) and len(segments_of(call.raw_path)) > 2:
            call.version = version_of(segments_of(call.raw_path)[2])
        if isinstance(found, Found):
            return found.route.handler(call)
        raise _no_route(call, found)

    def _control(self, call: Call) -> Answer:
        found = self._router.find(call.method, call.raw_path)
        if not isinstance(found, Found):
            raise ControlError(f"there is no control {call.method} {call.raw_path}", 404)
        call.arguments = found.arguments
        return found.route.handler(call)

    def _guarded(self, call: Call, work: Handler) -> Answer:
        try:
            return work(call)
        except (ApiError, OAuthError) as error:
            return from_error(error)
        except SoqlError as error:
            return from_error(ApiError(400, error.error_code, error.message))
        except ControlError as error:
            return Answer(error.status, {"error": error.message})
        except _IdentityError as refused:
            return Answer(403, Text(refused.word))
        except Exception:
            log.exception("%s %s", call.method, call.raw_path)
            return from_error(
                ApiError(
                    500,
                    "UNKNOWN_EXCEPTION",
                    "An unexpected error occurred. Please include this ErrorId if you contact "
                    f"support: {secrets.randbelow(10**9)}-{secrets.randbelow(10**5)} (see stderr)",
                )
            )

    def _headers(self, call: Call) -> dict[str, str]:
        request_id = secrets.token_hex(16)
        headers = {
            # When the answer is ready, as servers do: what it holds was read before that.
            "Date": http_date(call.org.clock.now()),
            "Server": "sfdcedge",
            "Vary": "Accept-Encoding",
            "Cache-Control": "no-cache,must-revalidate,max-age=0,no-store,private",
            "X-SFDC-Request-Id": request_id,
            "X-Request-Id": request_id,
        }
        if call.session is not None and _is_data(call):
            headers["Sforce-Limit-Info"] = call.org.limits.header()
        return headers


class _IdentityError(Exception):
    """The identity service refuses a token, in one word."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def _is_data(call: Call) -> bool:
    return segments_of(call.raw_path)[:2] == ["services", "data"]


def _take_faults(call: Call) -> Mapping[str, Any]:
    fault = call.org.faults.take(_REQUEST_FAULTS, call.method, call.raw_path, call.objects)
    if fault.get("expire_token"):
        call.org.sessions.expire(_bearer(call))
    for name, left in fault.get("limits", {}).items():
        call.org.limits.set_left(name, int(left))
    return fault


def _faulty(fault: Mapping[str, Any]) -> Answer:
    body = fault.get("body")
    return Answer(
        int(fault["status"]),
        Text(body, "text/html;charset=UTF-8") if isinstance(body, str) else body,
        {str(k): str(v) for k, v in fault.get("headers", {}).items()},
    )


def _log_in(call: Call) -> None:
    token = _bearer(call)
    session: Session | None = call.org.sessions.use(token)
    if session is not None:
        call.session = session
        return
    if call.raw_path.strip("/").startswith(_IDENTITY_PATHS):
        raise _IdentityError("Bad_OAuth_Token" if token else "Missing_OAuth_Token")
    raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")


def _bearer(call: Call) -> str:
    kind, _, token = call.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() in ("bearer", "oauth") else ""


def _unpack_body(call: Call) -> None:
    if call.headers.get("content-encoding", "").lower() != "gzip":
        return
    try:
        if call.body_file is not None:
            _unpack_file(call.body_file)
        elif call.body:
            call.body = gzip.decompress(call.body)
    except (OSError, EOFError, zlib.error):
        raise ApiError(400, "UNKNOWN_EXCEPTION", "The body says gzip and isn't") from None


def _unpack_file(file: Path) -> None:
    plain = file.with_suffix(".plain")
    try:
        with gzip.open(file, "rb") as packed, plain.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, COPY_BYTES)
        plain.replace(file)
    finally:
        plain.unlink(missing_ok=True)


def _no_route(call: Call, others: set[str]) -> ApiError:
    if not others:
        return not_found()
    allowed = sorted(others | ({"HEAD"} if "GET" in others else set()))
    return ApiError(
        405,
        "METHOD_NOT_ALLOWED",
        f"HTTP Method '{call.method}' not allowed. Allowed are {','.join(allowed)}",
    )
