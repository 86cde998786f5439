"""What an outbound load is asked to do, as plain values."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Literal

import dagster as dg

from assets.specs import Naming

Operation = Literal["insert", "update", "upsert", "delete", "hard_delete"]
Nulls = Literal["leave", "clear"]
Send = Literal["changed", "all"]
Drift = Literal["report", "overwrite", "ignore"]

# Raised when the same cells must be told apart from those of an earlier Tidegate.
MAPPING_FORMAT = 2

SMALL_LOAD_ROWS = 2_000


@dataclass(frozen=True)
class LoadedField:
    """One column that is sent.

    Args:
        name: As it stands in Bulk CSV: ``Amount__c``, a parent by its external id
            ``Account__r.ERP_Id__c``, or with its object ``Lead:Who.Email``.
        column: The query's column that fills it.
        nulls: ``clear`` empties the field where the column is null, ``leave`` doesn't touch it.
    """

    name: str
    column: str
    nulls: Nulls = "clear"

    @property
    def is_parent(self) -> bool:
        """Whether it finds a parent record by one of the parent's fields."""
        return "." in self.name


@dataclass(frozen=True)
class InboundTable:
    """A table of the same org in the same warehouse, as a sync keeps it.

    ``masked`` holds field names or patterns whose values can't be compared.
    """

    object: str
    schema: str
    naming: Naming = "fivetran"
    masked: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadSpec:
    """One load: what the warehouse is asked, and what becomes of the rows in the org.

    Exactly one of ``sql`` (a SELECT) and ``asset`` (key of an asset whose table is in the
    warehouse) says where rows come from. ``external_id`` is None where records are found by Id,
    and for an insert whose rows have no key. ``fail_above`` is a share of the rows, 0 to 1.
    ``inbound`` are the tables in which a change in the org can be seen.
    """

    name: str
    org: str
    object: str
    operation: Operation
    fields: tuple[LoadedField, ...]
    external_id: str | None = None
    warehouse: str = "default"
    sql: str | None = None
    asset: tuple[str, ...] | None = None
    deps: tuple[tuple[str, ...], ...] = ()
    order_after: tuple[str, ...] = ()
    send: Send = "changed"
    drift: Drift = "report"
    fail_above: float = 0.0
    small_load_rows: int = SMALL_LOAD_ROWS
    assignment_rule_id: str | None = None
    inbound: tuple[InboundTable, ...] = ()
    group: str | None = None
    owners: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    description: str | None = None

    @property
    def org_resource(self) -> str:
        """The key of the connection among Dagster's resources."""
        return f"org_{self.org}"

    @property
    def warehouse_resource(self) -> str:
        return f"warehouse_{self.warehouse}"

    @property
    def pool(self) -> str:
        """Dagster's pool that bounds how many steps use this org at once."""
        return f"salesforce_{self.org}"

    @property
    def outbound_key(self) -> dg.AssetKey:
        return dg.AssetKey(["outbound", self.name])

    @property
    def load_key(self) -> dg.AssetKey:
        return dg.AssetKey(["load", self.name])

    @property
    def org_key(self) -> dg.AssetKey:
        """The object in the org, an external asset."""
        return dg.AssetKey(["org", self.org, self.object])

    @property
    def outbound_step(self) -> str:
        """The name of the step that works out what is to be sent."""
        return f"outbound__{self.name}"

    @property
    def load_step(self) -> str:
        """The name of the step that sends."""
        return f"load__{self.name}"

    @property
    def key_field(self) -> str | None:
        """The mapped field by which a row is known; None for an insert without external id."""
        if self.external_id is not None:
            return self.external_id
        return None if self.operation == "insert" else "Id"

    @property
    def parent_fields(self) -> tuple[str, ...]:
        """Fields to sort by, so that rows of one parent aren't sent side by side."""
        return tuple(one.name for one in self.fields if one.is_parent)

    @property
    def mapping_version(self) -> str:
        """Changes when the same source row would be sent in another way."""
        parts = [
            MAPPING_FORMAT,
            self.org,
            self.object,
            self.operation,
            self.external_id,
            sorted((one.name, one.nulls) for one in self.fields),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
