"""One platform event that is subscribed to, as a user writes it down in YAML."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from assets.event_spec import RUNS_AT_ONCE, EventTable, JobStart
from pipelines.components.configuration import StrictModel
from pipelines.components.setting_types import TableName
from pipelines.jobs import job_to_start
from resources.warehouse.errors import RowConditionError
from resources.warehouse.row_condition import RowCondition


class PlatformEvent(StrictModel):
    """What becomes of a platform event: rows of a table, runs of a job, or both."""

    table: TableName | None = Field(
        default=None,
        description="Table that events are appended to, each once by its EventUuid; its asset is "
        "`events/<org>/<table>`.",
    )
    schema_: str | None = Field(
        default=None, alias="schema", description="Schema of the table, by default the org's name."
    )
    naming: Literal["fivetran", "api"] = Field(
        default="fivetran",
        description='Names of columns: "fivetran" is snake_case as Fivetran writes it, "api" keeps '
        "Salesforce's.",
    )
    start_job: str | None = Field(
        default=None,
        min_length=1,
        description="Load or job of the project that is run once for each event; the run's tags "
        "hold the fields, as `tidegate.event/Order_Id__c`.",
    )
    when: str | None = Field(
        default=None,
        min_length=1,
        description="Which events start the job: an SQL condition over their fields, such as "
        "\"Action__c = 'CREATED'\"; by default each does.",
    )
    runs_at_once: int = Field(
        default=RUNS_AT_ONCE,
        ge=1,
        description="Most runs of the job for these events that may wait or work; further events "
        "wait in the inbox.",
    )
    group: str | None = Field(
        default=None, description="Dagster group of the table's asset, by default the component's."
    )

    @field_validator("when")
    @classmethod
    def _is_condition(cls, sql: str | None) -> str | None:
        if sql is not None:
            try:
                RowCondition(sql)
            except RowConditionError as error:
                raise ValueError(f"{sql!r} isn't a condition: {error.problem}") from None
        return sql

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.table is None and self.start_job is None:
            raise ValueError(
                "names neither a `table` nor a `start_job`: nothing would become of it"
            )
        if self.when is not None and self.start_job is None:
            raise ValueError("`when` says which events start a job, and there is no `start_job`")
        return self

    def event_table(self, org: str, group: str) -> EventTable | None:
        """The table as the factories understand it."""
        if self.table is None:
            return None
        return EventTable(self.table, self.schema_ or org, self.naming, self.group or group)

    def job_start(self, loads: set[str]) -> JobStart | None:
        """The start as the sensor understands it; a load's name stands for its job."""
        if self.start_job is None:
            return None
        return JobStart(job_to_start(self.start_job, loads), self.when, self.runs_at_once)
