"""The one place where our errors become Dagster's: try again, run later, or mend something."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

import dagster as dg

from assets.errors import AssetError
from resources.landing.errors import LandingError, LostLeaseError
from resources.salesforce.errors import (
    DeferredError,
    JobError,
    SalesforceError,
    TransientError,
)
from resources.warehouse.errors import RereadError, WarehouseError, WarehouseLockedError

STATUS = "tidegate/status"
NOT_BEFORE = "tidegate/not_before"
ORG = "tidegate/org"

RETRIES = 2
RETRY_WAIT_S = 30.0

_TRY_AGAIN = (TransientError, JobError, WarehouseLockedError, RereadError, LostLeaseError)
OURS = (SalesforceError, WarehouseError, LandingError, AssetError)


class OfOrg(Protocol):
    """A sync or a load."""

    @property
    def org(self) -> str:
        """The connection's name."""
        ...


@contextmanager
def translated(context: dg.AssetExecutionContext, work: OfOrg) -> Iterator[None]:
    """Turn our errors into ``RetryRequested`` or ``Failure``; others pass as they are."""
    try:
        yield
    except DeferredError as error:
        tags = {NOT_BEFORE: _iso(error.resets), ORG: work.org}
        context.instance.add_run_tags(context.run.run_id, tags)
        raise deferred(error) from error
    except _TRY_AGAIN as error:
        if context.retry_number < RETRIES:
            context.log.warning(f"Trying again in {wait_s(error):.0f} s: {error}")
            raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=wait_s(error)) from error
        raise failure(error) from error
    except OURS as error:
        raise failure(error) from error


def deferred(error: DeferredError) -> dg.Failure:
    """Nothing is broken: the run is due later, and the self-healing schedule knows when."""
    return dg.Failure(
        description=str(error),
        metadata={
            STATUS: "deferred",
            NOT_BEFORE: _iso(error.resets),
            "salesforce/api_calls_left": error.left,
        },
        allow_retries=False,
    )


def failure(error: Exception) -> dg.Failure:
    """What happened and what to do, without a retry that can't help."""
    return dg.Failure(
        description=str(error),
        metadata={STATUS: "failed", "tidegate/error": type(error).__name__},
        allow_retries=False,
    )


def wait_s(error: Exception) -> float:
    """As long as Salesforce asks for; what waiting doesn't mend is tried again at once."""
    if not isinstance(error, TransientError):
        return 0.0
    return error.retry_after_s or RETRY_WAIT_S


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
