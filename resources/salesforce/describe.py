"""What an object is made of: downloaded once per client, and asked for again "if changed"."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from threading import Lock
from typing import Any, TypeVar

from resources.salesforce.errors import AnswerError, SalesforceError, UnknownFieldError
from resources.salesforce.org_clock import ReadInterval, parse_date
from resources.salesforce.soql import name as checked_name
from resources.salesforce.transport import ApiRequest, JsonAnswer, Transport

T = TypeVar("T")
#: ``Last-Modified`` holds whole seconds: what is younger may change again within its second.
SETTLED_AFTER = timedelta(seconds=2)


@dataclass(frozen=True)
class FieldDescribe:
    """One field, as the API user sees it."""

    name: str
    label: str
    type: str
    length: int
    precision: int
    scale: int
    digits: int
    nillable: bool
    createable: bool
    updateable: bool
    external_id: bool
    id_lookup: bool
    unique: bool
    case_sensitive: bool
    calculated: bool
    auto_number: bool
    defaulted_on_create: bool
    filterable: bool
    sortable: bool
    name_field: bool
    compound_field_name: str | None
    reference_to: tuple[str, ...]
    relationship_name: str | None
    polymorphic: bool
    picklist_values: tuple[str, ...]  # active ones, in the order of their definition
    restricted_picklist: bool
    custom: bool

    @property
    def required_on_create(self) -> bool:
        """Whether a new row must bring a value: nothing else would give it one."""
        return self.createable and not self.nillable and not self.defaulted_on_create


@dataclass(frozen=True)
class SObjectSummary:
    """One object of the global describe."""

    name: str
    label: str
    label_plural: str
    key_prefix: str | None
    custom: bool
    queryable: bool
    replicateable: bool
    createable: bool
    updateable: bool
    deletable: bool


@dataclass(frozen=True)
class SObjectDescribe:
    """One object with the fields that the API user may see, in describe order.

    ``last_modified`` is the answer's header; empty if a later change could bear the same.
    """

    summary: SObjectSummary
    fields: tuple[FieldDescribe, ...]
    last_modified: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """The API name in the org's spelling."""
        return self.summary.name

    @cached_property
    def _by_name(self) -> dict[str, FieldDescribe]:
        return {known.name.lower(): known for known in self.fields}

    def find(self, name: str) -> FieldDescribe | None:
        """The field of that name, in any case; None if there is none that we may see."""
        return self._by_name.get(name.lower())

    def field(self, name: str) -> FieldDescribe:
        """The field of that name, in any case.

        Raises:
            UnknownFieldError: With the nearest names.
        """
        found = self.find(name)
        if found is None:
            names = difflib.get_close_matches(name.lower(), self._by_name, n=3, cutoff=0.6)
            raise UnknownFieldError(self.name, name, [self._by_name[near].name for near in names])
        return found

    def find_relationship(self, name: str) -> FieldDescribe | None:
        """The lookup field behind a relationship's name (``Account__r``), in any case."""
        wanted = name.lower()
        lookups = (known for known in self.fields if known.reference_to)
        return next((x for x in lookups if (x.relationship_name or "").lower() == wanted), None)

    @property
    def required_on_create(self) -> tuple[FieldDescribe, ...]:
        """The fields that a new row must bring."""
        return tuple(known for known in self.fields if known.required_on_create)

    def parts(self, compound: str) -> tuple[FieldDescribe, ...]:
        """The fields that make up a compound one (``BillingAddress``), itself left out."""
        wanted = compound.lower()
        return tuple(
            part
            for part in self.fields
            if (part.compound_field_name or "").lower() == wanted and part.name.lower() != wanted
        )

    @property
    def has_soft_deletes(self) -> bool:
        """Whether deleted rows show themselves by IsDeleted; User and Group haven't got it."""
        return self.find("IsDeleted") is not None


class DescribeChangedError(SalesforceError):
    """An object isn't what it was described as before; ``describe`` is what it is now."""

    def __init__(self, describe: SObjectDescribe) -> None:
        super().__init__(describe.name)
        self.describe = describe

    def __str__(self) -> str:
        return (
            f"{self.describe.name} was changed in the org: what was read by its earlier "
            "description doesn't count. Read it again."
        )


class DescribeCache:
    """Descriptions of one org's objects, each downloaded once."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._known: dict[str, SObjectDescribe] = {}
        self._lock = Lock()

    def describe(
        self, object_name: str, *, unless_changed: SObjectDescribe | None = None
    ) -> SObjectDescribe:
        """The object's description.

        Args:
            unless_changed: Ask the org whether it has changed since this one (a 304 has no body),
                instead of trusting what this client has read; this one itself if it hasn't.

        Raises:
            NotFoundError: No such object, or the user may not see it.
        """
        key = object_name.lower()
        with self._lock:
            known = self._known.get(key)
        if known and not unless_changed:
            return known
        path = describe_path(self._transport.base, object_name)
        headers = if_changed(unless_changed) if unless_changed else {}
        answer = self._transport.json(ApiRequest("GET", path, headers))
        if answer.status == 304 and unless_changed:
            return unless_changed
        found = _in_form(answer, path, parse_describe)
        with self._lock:
            self._known[key] = found
        return found

    def describe_global(self) -> tuple[SObjectSummary, ...]:
        """All objects that the API user sees."""
        path = f"{self._transport.base}/sobjects"
        answer = self._transport.json(ApiRequest("GET", path))
        return _in_form(answer, path, parse_global)


def describe_path(base: str, object_name: str) -> str:
    """Where an object's description is: ``/services/data/v66.0/sobjects/Account/describe``."""
    return f"{base}/sobjects/{checked_name(object_name)}/describe"


def if_changed(known: SObjectDescribe) -> dict[str, str]:
    """The header that turns the answer into a 304 if nothing has changed since."""
    return {"If-Modified-Since": known.last_modified} if known.last_modified else {}


def parse_describe(
    body: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    read: ReadInterval | None = None,
) -> SObjectDescribe:
    """A describe answer's JSON as ours."""
    fields = tuple(_field(entry) for entry in body["fields"])
    header = (headers or {}).get("Last-Modified", "")
    changed = parse_date(header)
    settled = changed and read and read.lo - changed >= SETTLED_AFTER
    return SObjectDescribe(_summary(body), fields, header if settled else "")


def parse_global(
    body: Mapping[str, Any], _headers: Mapping[str, str], _read: ReadInterval
) -> tuple[SObjectSummary, ...]:
    """A global describe answer's JSON as ours."""
    return tuple(_summary(entry) for entry in body["sobjects"])


def _summary(entry: Mapping[str, Any]) -> SObjectSummary:
    return SObjectSummary(
        name=entry["name"],
        label=entry["label"],
        label_plural=entry["labelPlural"],
        key_prefix=entry["keyPrefix"],
        custom=entry["custom"],
        queryable=entry["queryable"],
        replicateable=entry["replicateable"],
        createable=entry["createable"],
        updateable=entry["updateable"],
        deletable=entry["deletable"],
    )


def _field(entry: Mapping[str, Any]) -> FieldDescribe:
    return FieldDescribe(
        name=entry["name"],
        label=entry["label"],
        type=entry["type"],
        length=entry["length"],
        precision=entry["precision"],
        scale=entry["scale"],
        digits=entry["digits"],
        nillable=entry["nillable"],
        createable=entry["createable"],
        updateable=entry["updateable"],
        external_id=entry["externalId"],
        id_lookup=entry["idLookup"],
        unique=entry["unique"],
        case_sensitive=entry["caseSensitive"],
        calculated=entry["calculated"],
        auto_number=entry["autoNumber"],
        defaulted_on_create=entry["defaultedOnCreate"],
        filterable=entry["filterable"],
        sortable=entry["sortable"],
        name_field=entry["nameField"],
        compound_field_name=entry["compoundFieldName"],
        reference_to=tuple(entry["referenceTo"]),
        relationship_name=entry["relationshipName"],
        polymorphic=entry["polymorphicForeignKey"],
        picklist_values=tuple(
            value["value"] for value in entry["picklistValues"] if value["active"]
        ),
        restricted_picklist=entry["restrictedPicklist"],
        custom=entry["custom"],
    )


def _in_form(
    answer: JsonAnswer,
    path: str,
    parse: Callable[[Mapping[str, Any], Mapping[str, str], ReadInterval], T],
) -> T:
    try:
        return parse(answer.json, answer.headers, answer.read)
    except (KeyError, TypeError) as error:
        kind, cause = answer.headers.get("Content-Type", ""), f"it isn't a describe ({error!r})"
        raise AnswerError("GET", path, answer.status, kind, len(answer.body), cause) from error
