"""Rows of several objects read by Id in one call, later than a given moment of the org's clock."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, TypeAlias

from resources.salesforce.composite_reads_plan import (
    Read,
    RowsWanted,
    composite_reads,
    describe_question,
)
from resources.salesforce.describe import DescribeChangedError, SObjectDescribe, parse_describe
from resources.salesforce.error_codes import translate
from resources.salesforce.errors import AnswerError
from resources.salesforce.org_clock import ONE_SECOND, ReadInterval
from resources.salesforce.row_reads import ReadAfter
from resources.salesforce.transport import ApiRequest, JsonAnswer, Transport

Records: TypeAlias = list[Mapping[str, Any]]


class CompositeReader:
    """Composite reads of one org."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def read(
        self,
        wanted: Sequence[RowsWanted],
        after: datetime | None,
        unless_changed: SObjectDescribe | None = None,
    ) -> tuple[list[Records], ReadInterval]:
        """See ``SalesforceClient.read_rows_of_many``."""
        later = ReadAfter(self._transport.clock, self._transport.sleep, after)
        later.wait_before()
        rows: list[Records] = [[] for _ in wanted]
        whole: ReadInterval | None = None
        for reads in composite_reads(self._transport.base, wanted):
            bodies, read = later.repeat(partial(self._composite, reads, unless_changed))
            unless_changed = None
            whole = whole.hull(read) if whole else read
            for one, body in zip(reads, bodies, strict=True):
                found, read = self._records(body, read)
                rows[one.index] += found
                whole = whole.hull(read)
        now = self._transport.clock.now()
        return rows, whole or ReadInterval(now, now + ONE_SECOND)

    def _composite(
        self, reads: Sequence[Read], unless_changed: SObjectDescribe | None
    ) -> tuple[list[Any], ReadInterval]:
        """Several reads in one API call: the body of each, with numbers as ``Decimal``.

        The answer is 200 whatever becomes of them.
        """
        subrequests = [read.as_json(f"r{n}") for n, read in enumerate(reads)]
        path = f"{self._transport.base}/composite"
        if unless_changed is not None:
            subrequests.insert(0, describe_question(self._transport.base, unless_changed))
        body = {"allOrNone": False, "compositeRequest": subrequests}
        answer = self._transport.json(ApiRequest("POST", path, json_body=body))
        # Parsed anew: floats would round long numbers.
        found = json.loads(answer.body, parse_float=Decimal)
        answers = found.get("compositeResponse") if isinstance(found, dict) else None
        if not isinstance(answers, list) or len(answers) != len(subrequests):
            raise _malformed(answer, path, f"it hasn't {len(subrequests)} answers")
        if unless_changed is not None:
            # Before the rows: a field that is gone makes their reads fail.
            self._require_unchanged(subrequests.pop(0)["url"], answers.pop(0), answer)
        for read, part in zip(reads, answers, strict=True):
            self._refuse(read.method, read.url, part)
        return [part["body"] for part in answers], answer.read

    def _require_unchanged(self, path: str, part: Mapping[str, Any], answer: JsonAnswer) -> None:
        if part.get("httpStatusCode") == 304:
            return
        self._refuse("GET", path, part)
        try:
            found = parse_describe(part["body"], part.get("httpHeaders") or {}, answer.read)
        except (KeyError, TypeError) as error:
            raise _malformed(answer, path, f"it isn't a describe ({error!r})") from error
        raise DescribeChangedError(found)

    def _records(self, body: Any, read: ReadInterval) -> tuple[Records, ReadInterval]:
        """Rows of a retrieve, null for each Id that isn't there; or all pages of a query."""
        if isinstance(body, list):
            return [record for record in body if record is not None], read
        records = list(body["records"])
        while not body["done"]:
            answer = self._transport.json(ApiRequest("GET", body["nextRecordsUrl"]))
            body = json.loads(answer.body, parse_float=Decimal)
            records += body["records"]
            read = read.hull(answer.read)
        return records, read

    def _refuse(self, method: str, url: str, part: Mapping[str, Any]) -> None:
        status = int(part.get("httpStatusCode", 0))
        if status >= 300:
            body = json.dumps(part.get("body"), default=str).encode()
            path = url.partition("?")[0]
            raise translate(method, path, status, body, None, self._transport.limits)


def _malformed(answer: JsonAnswer, path: str, cause: str) -> AnswerError:
    kind = answer.headers.get("Content-Type", "")
    return AnswerError("POST", path, answer.status, kind, len(answer.body), cause)
