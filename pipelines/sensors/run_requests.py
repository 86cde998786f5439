"""Which runs a tick asks for: one per table that has events to apply and no run on its way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import dagster as dg
from dagster._core.storage.tags import MAX_RUNTIME_SECONDS_TAG

from pipelines.executor import STEPS_AT_ONCE
from pipelines.run_tags import UNFINISHED, not_before_of
from pipelines.schedules.schedule_plan import deferred_until
from pipelines.sensors.retry_plan import EndedRun, not_before
from resources.landing.inbox import Inbox

FOLLOWED = "tidegate/followed"
SEGMENT = "tidegate/inbox_segment"

#: A run that hangs holds its table up, and so does one of a machine that is gone.
LONGEST_RUN_S = 7_200

ONE_STEP = {"execution": {"config": {STEPS_AT_ONCE: 1}}}

_RUNS_BACK = 12


class Followed(Protocol):
    """A channel with an asset that applies its events: changes of an object, a platform event."""

    @property
    def org(self) -> str:
        """The connection's name."""
        ...

    @property
    def what(self) -> str:
        """The object or event, as people call it."""
        ...

    @property
    def channel(self) -> str:
        """Where the org publishes them."""
        ...

    @property
    def consumer(self) -> str:
        """Under which name the asset keeps how far it is."""
        ...

    @property
    def key(self) -> dg.AssetKey:
        """The asset."""
        ...

    @property
    def step(self) -> str:
        """The name of its step."""
        ...


@dataclass(frozen=True)
class Waiting:
    """A table whose events wait, and why."""

    spec: Followed
    reason: str


def run_requests(
    instance: dg.DagsterInstance, inbox: Inbox, specs: Sequence[Followed]
) -> Iterator[dg.RunRequest | Waiting]:
    """A run, or a reason to wait, for each table with events that weren't applied."""
    now = datetime.now(UTC)
    for spec in specs:
        landed = inbox.channel(spec.channel)
        newest = landed.newest_seq()
        if newest <= landed.consumed(spec.consumer):
            continue
        reason = _reason_to_wait(instance, spec, now)
        yield Waiting(spec, reason) if reason else _request(instance, spec, newest)


def followed_tags(spec: Followed) -> dict[str, str]:
    """By which runs of one table are found again."""
    return {FOLLOWED: f"{spec.org}/{spec.what}"}


def _request(instance: dg.DagsterInstance, spec: Followed, newest: int) -> dg.RunRequest:
    found_by = {**followed_tags(spec), SEGMENT: str(newest)}
    attempt = instance.get_runs_count(dg.RunsFilter(tags=found_by)) + 1
    return dg.RunRequest(
        # The same until its run is known, so that a tick that breaks off can't ask twice.
        run_key=f"{spec.key.to_user_string()}:{newest}:{attempt}",
        asset_selection=[spec.key],
        # One step: in a process of its own it would begin some seconds later.
        run_config=ONE_STEP,
        tags={**found_by, MAX_RUNTIME_SECONDS_TAG: str(LONGEST_RUN_S)},
    )


def _reason_to_wait(instance: dg.DagsterInstance, spec: Followed, now: datetime) -> str | None:
    tags = followed_tags(spec)
    if instance.get_runs_count(dg.RunsFilter(tags=tags, statuses=UNFINISHED)):
        return "a run is on its way"
    waits = [datetime.fromisoformat(text) for text in not_before_of(instance, spec.org)]
    until = deferred_until(waits, now)
    if until:
        return f"the org is over its API budget until {until:%Y-%m-%d %H:%M} UTC"
    until = not_before(_ended(instance, tags))
    if until and until > now:
        return f"its last run failed and says why; the next one begins at {until:%H:%M:%S} UTC"
    return None


def _ended(instance: dg.DagsterInstance, tags: dict[str, str]) -> list[EndedRun]:
    records = instance.get_run_records(dg.RunsFilter(tags=tags), limit=_RUNS_BACK)
    return [
        EndedRun(
            failed=record.dagster_run.status == dg.DagsterRunStatus.FAILURE,
            ended_at=datetime.fromtimestamp(
                record.end_time or record.update_timestamp.timestamp(), UTC
            ),
        )
        for record in records
    ]
