"""One request, read: what handlers receive."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote_plus

from emulator.auth.sessions import Session
from emulator.errors import ApiError, not_found
from emulator.events.origins import change_origin, client_of
from emulator.schema.model import SObject

if TYPE_CHECKING:
    from emulator.org import Org

_BLOCKS = re.compile(r"\([^()]*\)")
_SOBJECTS = re.compile(r"/sobjects/(\w+)")
_FROM = re.compile(r"\bfrom\s+(\w+)", re.IGNORECASE)


@dataclass
class Call:
    """A request to the org, before or after its route is known.

    Attributes:
        raw_path: As it came, percent-encoded, without the query string.
        arguments: Path parameters, decoded.
        session: Who calls; None where no login is needed.
        version: Of the API, from the path; 0 where the path has none.
        now: The org's time when the request came.
        counted: API calls that it has used up.
        body_file: Holds the body of an upload instead of `body`; removed after the answer.
    """

    org: Org
    method: str
    raw_path: str
    raw_query: str
    headers: Mapping[str, str]
    body: bytes
    now: datetime
    arguments: dict[str, str] = field(default_factory=dict)
    session: Session | None = None
    version: float = 0.0
    counted: int = 0
    body_file: Path | None = None

    @property
    def query(self) -> dict[str, str]:
        """The query string; the first value of each key."""
        return {key: values[0] for key, values in self.query_lists.items()}

    @property
    def query_lists(self) -> dict[str, list[str]]:
        return parse_qs(self.raw_query, keep_blank_values=True)

    def form(self) -> dict[str, str]:
        """A form body together with the query string; the first value of each key."""
        text = self.body.decode("utf-8", "replace")
        return self.query | {
            key: values[0] for key, values in parse_qs(text, keep_blank_values=True).items()
        }

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ApiError: It isn't JSON, or says that it is something else.
        """
        kind = self.headers.get("content-type", "application/json").partition(";")[0].strip()
        if kind.lower() != "application/json":
            raise ApiError(
                415,
                "UNSUPPORTED_MEDIA_TYPE",
                f"Content type {kind} is not supported; use application/json",
            )
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise ApiError(
                400, "JSON_PARSER_ERROR", f"The HTTP entity body is not JSON: {error}"
            ) from None

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            ApiError: It is something else.
        """
        if not self.body:
            raise ApiError(
                400,
                "JSON_PARSER_ERROR",
                "The HTTP entity body is required, but this request has no entity body.",
            )
        body = self.json()
        if not isinstance(body, dict):
            raise ApiError(400, "JSON_PARSER_ERROR", "The HTTP entity body must be a JSON object")
        return body

    @property
    def user(self) -> Session:
        """Who calls; for handlers behind a login."""
        assert self.session is not None
        return self.session

    @property
    def sobject(self) -> SObject:
        """The object that the path names.

        Raises:
            ApiError: There is none of that name.
        """
        found = self.org.schema.object(self.arguments["object"])
        if found is None:
            raise not_found()
        return found

    @property
    def origin(self) -> str:
        """What change events tell about where a change came from."""
        client = client_of(self.headers.get("sforce-call-options"))
        return change_origin("rest", self.version, client)

    @property
    def base_path(self) -> str:
        """``/services/data/v66.0``."""
        return f"/services/data/v{self.version:.1f}"

    def objects(self) -> set[str]:
        """Lower-case names of the objects that the request is about, as far as it says."""
        names = set()
        if "object" in self.arguments:
            names.add(self.arguments["object"].lower())
        soql = self.query.get("q", "")
        if "jobs" in self.raw_path:
            names |= self._job_objects()
            posted = self._posted()
            soql = soql or str(posted.get("query", ""))
            names |= {str(posted["object"]).lower()} if "object" in posted else set()
        if "composite" in self.raw_path:
            names |= self._listed_objects()
        name = queried_object(soql)
        return names | {name.lower()} if name else names

    def _job_objects(self) -> set[str]:
        job = self.org.jobs.find(self.arguments.get("job", ""))
        return {job.object_name.lower()} if job else set()

    def _listed_objects(self) -> set[str]:
        """Of a collection or tree the objects of its rows, of a composite those in its URLs."""
        posted, schema = self._posted(), self.org.schema
        found = {
            str(record["attributes"].get("type", ""))
            for record in _dicts(posted.get("records"))
            if isinstance(record.get("attributes"), dict)
        }
        for key in ("compositeRequest", "batchRequests"):
            for request in _dicts(posted.get(key)):
                url = unquote_plus(str(request.get("url", "")))
                found |= {*_SOBJECTS.findall(url), queried_object(url) or ""}
        listed = [schema.by_prefix(one) for one in self.query.get("ids", "").split(",")]
        found |= {one.name for one in listed if one is not None}
        return {name.lower() for name in found if name}

    def _posted(self) -> dict[str, Any]:
        if self.body.lstrip()[:1] != b"{":
            return {}
        try:
            body = json.loads(self.body)
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def queried_object(soql: str) -> str | None:
    """The object after the outermost FROM; for matching faults, so roughly is enough."""
    while (shorter := _BLOCKS.sub(" ", soql)) != soql:
        soql = shorter
    found = _FROM.search(soql)
    return found.group(1) if found else None
