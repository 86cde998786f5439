"""What an inbound sync is asked to do, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Every = Literal["hour", "day", "week", "month"]
Deletes = Literal["flag", "remove"]
Naming = Literal["fivetran", "api"]
Numbers = Literal["decimal", "float"]

LATE_COMMIT_MARGIN_S = 15 * 60


@dataclass(frozen=True)
class PartitionSpec:
    """Time windows on SystemModstamp, in UTC; the first one is open to the past."""

    every: Every
    start: date


@dataclass(frozen=True)
class ObjectSpec:
    """One Salesforce object to keep in step.

    ``fields`` and ``exclude`` hold API names or patterns such as ``Billing*``; ``("*",)`` means
    every field. ``transform`` is ``module:function``. Without ``partitions`` the object is read
    whole each time. ``history`` keeps every version, as far as change events are followed.
    """

    name: str
    fields: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    where: str | None = None
    mask: tuple[str, ...] = ()
    transform: str | None = None
    partitions: PartitionSpec | None = None
    numbers: Numbers = "decimal"
    deletes: Deletes = "flag"
    late_commit_margin_s: int = LATE_COMMIT_MARGIN_S
    history: bool = False
    group: str | None = None
    owners: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    description: str | None = None


@dataclass(frozen=True)
class SyncSpec:
    """Where the objects of one sync come from and go to."""

    name: str
    org: str
    warehouse: str = "default"
    schema: str = "salesforce"
    naming: Naming = "fivetran"
    warehouse_kind: str = "duckdb"
    group: str | None = None

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
