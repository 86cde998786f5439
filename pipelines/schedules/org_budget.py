"""Whether a schedule may ask anything of an org now."""

from datetime import UTC, datetime

import dagster as dg

from pipelines.run_tags import not_before_of
from pipelines.schedules.schedule_plan import deferred_until
from resources.salesforce.errors import DeferredError, SalesforceError
from resources.salesforce.resource import SalesforceResource


def reason_to_wait(
    context: dg.ScheduleEvaluationContext, name: str, org: SalesforceResource
) -> str | None:
    """Why nothing may be asked of the org now, with numbers; None if it may."""
    now = datetime.now(UTC)
    waits = [datetime.fromisoformat(text) for text in not_before_of(context.instance, name)]
    until = deferred_until(waits, now)
    if until:
        return f"{name} is over its API budget; deferred until {until:%Y-%m-%d %H:%M} UTC."
    try:
        with org.connect() as client:
            client.read_limits()
            limits = client.limits
    except DeferredError as error:
        return str(error)
    except SalesforceError as error:
        # Runs say it better than a schedule can: they have logs, retries and failure hooks.
        context.log.warning(f"Couldn't ask {name} for its limits: {error}")
        return None
    if limits.left is not None and limits.left <= limits.reserve:
        return (
            f"{name} has {limits.left:,} of {limits.allowed:,} API requests left and "
            f"{limits.reserve:,} are reserved for others."
        )
    return None
