"""One HTTP exchange by ``requests``: sent, timed, its failures made ours. No policy."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from resources.salesforce.errors import ConnectionLostError
from resources.salesforce.hosts import is_loopback
from resources.salesforce.org_clock import parse_date
from resources.salesforce.request_body import FileBody
from resources.salesforce.settings import ConnectionSettings

PARALLEL_CONNECTIONS = 16
NEVER_CONNECTED = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
    urllib3.exceptions.SSLError,
)


@dataclass(frozen=True)
class Exchange:
    """A request sent and its answer's headers received, at seconds of the monotonic clock."""

    response: requests.Response
    sent_s: float
    received_s: float


class Bearer(AuthBase):
    """Puts the token on a request.

    An auth object and not a header, because requests replaces the header by what a ``.netrc``
    file says about the host.
    """

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Called by requests for each request it sends."""
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class HttpExchange:
    """The connections of one client."""

    def __init__(self, settings: ConnectionSettings, monotonic: Callable[[], float]) -> None:
        self._timeout = (settings.connect_timeout_s, settings.read_timeout_s)
        self._monotonic = monotonic
        self._session = requests.Session()
        # A proxy in the environment can't reach this machine's loopback.
        self._session.trust_env = not is_loopback(settings.login_url)
        # Salesforce sets cookies that only browsers need; threads share one token, not a jar.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(pool_maxsize=PARALLEL_CONNECTIONS, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._session.headers.update(
            {
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "User-Agent": settings.client_name,
                "Sforce-Call-Options": f"client={settings.client_name}",
            }
        )

    def send(
        self,
        method: str,
        url: str,
        *,
        token: str | None,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json_body: Mapping[str, Any] | None = None,
        body: bytes | FileBody | None = None,
    ) -> Exchange:
        """Send, and return when the headers of the answer are there; redirects aren't followed.

        Raises:
            ConnectionLostError: No answer came.
        """
        sent_s = self._monotonic()
        try:
            response = self._session.request(
                method,
                url,
                headers=headers,
                data=body if form is None else form,
                json=json_body,
                auth=Bearer(token),
                timeout=self._timeout,
                stream=True,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            parts = urlsplit(url)
            cause, sent = type(_root(error)).__name__, not _never_sent(error)
            raise ConnectionLostError(method, parts.netloc, parts.path, cause, sent) from error
        return Exchange(response, sent_s, self._monotonic())

    def close(self) -> None:
        """Close all connections."""
        self._session.close()


def retry_after_s(
    headers: Mapping[str, str], now_s: Callable[[], float] = time.time
) -> float | None:
    """``Retry-After`` as seconds from the answer on; it comes as seconds or as a date."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    until = parse_date(text)
    if until is None:
        return None
    sent = parse_date(headers.get("Date"))
    return max(0.0, until.timestamp() - (sent.timestamp() if sent else now_s()))


def _root(error: requests.RequestException) -> BaseException:
    """What urllib3 said, out of requests' wrapping."""
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", None)
    if isinstance(reason, BaseException):
        return reason
    return inner if isinstance(inner, BaseException) else error


def _never_sent(error: requests.RequestException) -> bool:
    """Whether no byte of the request can have reached the org."""
    return isinstance(error, requests.ConnectTimeout) or isinstance(_root(error), NEVER_CONNECTED)
