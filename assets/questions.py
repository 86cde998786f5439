"""From a spec and what the org says of the object to the queries that one run lands."""

from __future__ import annotations

from dataclasses import dataclass

from assets.extract_plan import Api, bookkeeping_fields, build_queries, choose_api, select_fields
from assets.landed import Landed, PartitionWindow
from assets.specs import ObjectSpec
from assets.windows import Window
from resources.landing.ledger_entry import ExtractKey
from resources.salesforce import soql
from resources.salesforce.arrow import arrow_schema
from resources.salesforce.describe import SObjectDescribe


@dataclass(frozen=True)
class Question:
    """One query to land.

    Args:
        key: What makes it the same question after a crash.
        soql: The query as it is sent.
        api: Where to begin.
        landed: What the later stages need to know of the pages.
    """

    key: ExtractKey
    soql: str
    api: Api
    landed: Landed


@dataclass(frozen=True)
class OrgFacts:
    """Which org is asked, by which version of its API."""

    org_id: str
    api_version: str


@dataclass(frozen=True)
class Questions:
    """The images, and before them the rows that no longer match ``where``."""

    images: Question
    leaving: Question | None


def questions(
    spec: ObjectSpec,
    describe: SObjectDescribe,
    org: OrgFacts,
    window: Window | None,
    partitions: tuple[PartitionWindow, ...],
) -> Questions:
    """What to ask.

    Raises:
        AssetError: Fields or windows are configured that the object doesn't have.
    """
    described = {field.name: field for field in describe.fields}
    own_fields = select_fields(spec, described)
    queries = build_queries(spec, own_fields, described, window)
    extra = bookkeeping_fields(described)

    def question(fields: tuple[str, ...], query: str, where: str | None) -> Question:
        return Question(
            key=ExtractKey(
                org_id=org.org_id,
                object=describe.name,
                fields=fields,
                where=where,
                all_rows=describe.has_soft_deletes,
                api_version=org.api_version,
                window_start=window.read_from if window else None,
                window_end=window.end if window else None,
            ),
            soql=query,
            api=choose_api(window, query),
            landed=Landed(
                schema=arrow_schema(describe, fields, spec.numbers),
                own_fields=own_fields,
                windows=partitions,
                leaving=None,
                labels={name: described[name].label for name in fields},
                described_types={name: described[name].type for name in fields},
            ),
        )

    leaving = None
    if queries.leaving and spec.where:
        leaving = question(extra, queries.leaving, soql.negated(spec.where))
    return Questions(question(queries.fields, queries.images, spec.where), leaving)
