"""The one way to Salesforce: every call is made here, by one policy.

A call is taken out of the org's allowance first, carries the token to the org's own host only,
renews it once when it has ended, is repeated as ``retry_plan`` says, and fails with an error of
ours.
"""

import json
import random
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests

from resources.salesforce.auth import TOKEN_PATH, Token, login_error, parse_token
from resources.salesforce.error_codes import normal, parse_errors, translate
from resources.salesforce.errors import (
    AnswerError,
    ConnectionLostError,
    LostAnswerError,
    SessionError,
    TransientError,
)
from resources.salesforce.hosts import own_url
from resources.salesforce.http_body import body_chunks
from resources.salesforce.http_exchange import Exchange, HttpExchange, retry_after_s
from resources.salesforce.limits import Allowance, OrgLimits, parse_limits
from resources.salesforce.login_session import LoginSession
from resources.salesforce.org_clock import OrgClock, ReadInterval, parse_date
from resources.salesforce.request_body import FileBody
from resources.salesforce.retry_plan import InDoubt, Wait, after_failure
from resources.salesforce.settings import ConnectionSettings

T = TypeVar("T")
MOST_REDIRECTS = 3
# Both come as INVALID_SESSION_ID although the token is fine: the app lacks a scope. A new token
# would be refused the same way, for ever (jsforce knows them by these texts, which have no code).
NOT_RENEWABLE = (b"not valid for use with the REST API", b"app is not attached to Agent")


@dataclass(frozen=True)
class ApiRequest:
    """One call of the org's API.

    ``path`` begins with a slash, or is a whole address that the org gave us. ``creates`` marks a
    call that makes something new each time it is sent. ``body`` is sent as it is, instead of
    ``json_body``; its type stands in ``headers``.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    json_body: Mapping[str, Any] | None = None
    creates: bool = False
    body: bytes | FileBody | None = None

    @property
    def shown(self) -> str:
        """The path for messages: without host and query, where a SOQL text would stand."""
        return urlsplit(self.path).path


@dataclass(frozen=True)
class Answer:
    """A successful answer whose body hasn't been read yet."""

    request: ApiRequest
    response: requests.Response
    read: ReadInterval

    @property
    def status(self) -> int:
        """The HTTP status, 2xx or 304."""
        return self.response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by names in any case."""
        return self.response.headers

    def body(self) -> bytes:
        """The whole body, unpacked."""
        return b"".join(body_chunks(self.response, self.request.shown))


@dataclass(frozen=True)
class JsonAnswer:
    """An answer read and parsed; ``json`` is None when there was no body (204, 304)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Any
    read: ReadInterval


class _TokenEndedError(Exception):
    """The org doesn't know our token any more; a new one is worth a try."""


class Transport:
    """Calls to one org. Safe to share by threads; ``close`` it at the end."""

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.sleep = sleep
        self.monotonic = monotonic
        self.limits = OrgLimits(settings.name, settings.reserve)
        self.clock = OrgClock(monotonic)
        self.login = LoginSession(settings, self._post_token)
        self.api_calls = 0
        self._counting = Lock()
        self._http = HttpExchange(settings, monotonic)

    @property
    def base(self) -> str:
        """The path under which all resources of the API version lie."""
        return f"/services/data/v{self.settings.api_version}"

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def send(self, request: ApiRequest, consume: Callable[[Answer], T]) -> T:
        """Make the call and let ``consume`` read the answer.

        ``consume`` may run several times: when reading breaks off, the call is repeated, and what
        an earlier run left behind must be overwritten.

        Raises:
            TransientError: It failed as often as the policy allows.
            LostAnswerError: A call that creates something may have happened.
            DeferredError: The call would touch the reserve.
            SalesforceError: Any other refusal, see ``errors``.
        """
        if request.creates and self.limits.reserve and not self.limits.known:
            # The org tells its numbers in answers only. A call that starts work isn't the one to
            # find out with that nothing was left for it.
            self.read_limits()
        return self._repeating(
            lambda: self._once(request, consume), request.method, request.shown, request.creates
        )

    def json(self, request: ApiRequest) -> JsonAnswer:
        """Make the call and parse its answer.

        Raises:
            AnswerError: The body isn't JSON.
        """
        return self.send(request, _parsed)

    def read_limits(self) -> dict[str, Allowance]:
        """``GET /limits``; the daily requests among them are taken over."""
        answer = self.json(ApiRequest("GET", f"{self.base}/limits"))
        allowances = parse_limits(answer.json)
        self.limits.learn(allowances)
        return allowances

    def _repeating(self, once: Callable[[], T], method: str, shown: str, creates: bool) -> T:
        attempt = 0
        while True:
            attempt += 1
            try:
                return once()
            except TransientError as error:
                error.attempts = attempt
                policy, chance = self.settings.retry, random.random()
                match after_failure(error, attempt, creates, policy, chance):
                    case Wait(seconds):
                        self.sleep(seconds)
                    case InDoubt():
                        raise LostAnswerError(
                            method, shown, error.happened().rstrip(".")
                        ) from error
                    case _:
                        raise

    def _once(self, request: ApiRequest, consume: Callable[[Answer], T]) -> T:
        token = self.login.current()
        try:
            return self._call(request, token, consume)
        except _TokenEndedError:
            renewed = self.login.renew(token)
        try:
            return self._call(request, renewed, consume)
        except _TokenEndedError:
            code = "INVALID_SESSION_ID"
            raise SessionError(request.method, request.shown, code, renewed=True) from None

    def _call(self, request: ApiRequest, token: Token, consume: Callable[[Answer], T]) -> T:
        source, target = f"{request.method} {request.shown}", request.path
        for _ in range(1 + MOST_REDIRECTS):
            url = own_url(source, target, token.instance_url)
            exchange = self._counted(request, url, token)
            with closing(exchange.response) as response:
                read = self._observed(request, exchange)
                if not response.is_redirect or request.method != "GET":
                    return self._answered(request, response, read, consume)
                source, target = f"A redirect of {source}", response.headers["Location"]
        raise AnswerError(request.method, request.shown, 302, "", 0, "it redirects without end")

    def _counted(self, request: ApiRequest, url: str, token: Token) -> Exchange:
        self.limits.begin_call(self.clock.now())
        limit_info: str | None = None
        sent = True
        try:
            exchange = self._http.send(
                request.method,
                url,
                token=token.access_token,
                headers=request.headers,
                json_body=request.json_body,
                body=request.body,
            )
            limit_info = exchange.response.headers.get("Sforce-Limit-Info")
            return exchange
        except ConnectionLostError as error:
            sent = error.sent
            raise
        finally:
            self.limits.end_call(limit_info, sent=sent)
            with self._counting:
                self.api_calls += sent

    def _observed(self, request: ApiRequest, exchange: Exchange) -> ReadInterval:
        date = parse_date(exchange.response.headers.get("Date"))
        if date is None:
            status, kind = (
                exchange.response.status_code,
                exchange.response.headers.get("Content-Type", ""),
            )
            cause = "it has no Date header, so we can't tell when it was read"
            raise AnswerError(request.method, request.shown, status, kind, 0, cause)
        return self.clock.observe(date, exchange.sent_s, exchange.received_s)

    def _answered(
        self,
        request: ApiRequest,
        response: requests.Response,
        read: ReadInterval,
        consume: Callable[[Answer], T],
    ) -> T:
        answer = Answer(request, response, read)
        if response.status_code < 300 or response.status_code == 304:
            return consume(answer)
        body = answer.body()
        if response.status_code == 401:
            codes = [str(entry["errorCode"]) for entry in parse_errors(body)] or [""]
            if normal(codes[0]) == "INVALIDSESSIONID" and not any(x in body for x in NOT_RENEWABLE):
                raise _TokenEndedError
            raise SessionError(request.method, request.shown, codes[0] or "HTTP 401", renewed=False)
        wait = retry_after_s(response.headers)
        raise translate(
            request.method, request.shown, response.status_code, body, wait, self.limits
        )

    def _post_token(self, form: Callable[[], Mapping[str, str]]) -> Token:
        url = self.settings.login_url + TOKEN_PATH
        return self._repeating(lambda: self._log_in(url, form()), "POST", TOKEN_PATH, creates=False)

    def _log_in(self, url: str, form: Mapping[str, str]) -> Token:
        exchange = self._http.send("POST", url, token=None, form=form)
        with closing(exchange.response) as response:
            body = b"".join(body_chunks(response, TOKEN_PATH))
            if response.status_code == 200:
                token = parse_token(body, self.settings.login_url)
                date = parse_date(response.headers.get("Date"))
                if date is not None and not self.clock.known:
                    self.clock.observe(date, exchange.sent_s, exchange.received_s)
                return token
            wait = retry_after_s(response.headers)
            raise login_error(self.settings, response.status_code, body, wait)


def _parsed(answer: Answer) -> JsonAnswer:
    body = answer.body()
    try:
        found = json.loads(body) if body else None
    except ValueError as error:
        request, kind = answer.request, answer.headers.get("Content-Type", "")
        raise AnswerError(
            request.method, request.shown, answer.status, kind, len(body), "it isn't JSON"
        ) from error
    return JsonAnswer(answer.status, answer.headers, body, found, answer.read)
