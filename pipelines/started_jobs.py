"""Refuses definitions whose events start what isn't there; only all of them together can tell."""

import dagster as dg

from pipelines.components.errors import ConfigurationError
from pipelines.components.salesforce_events import SalesforceEvents
from pipelines.components.salesforce_load import SalesforceLoad
from pipelines.components.startable_jobs import StartableJobs


def with_started_jobs(defs: dg.Definitions) -> dg.Definitions:
    """The definitions as they are.

    Raises:
        ConfigurationError: An event starts no load or job, or one that needs to be told more.
    """
    tree = defs.component_tree
    if tree is None:
        return defs
    events = tree.get_all_components(SalesforceEvents)
    if not any(one.start_job for each in events for one in each.platform_events.values()):
        return defs
    loads = [one.load_name for one in tree.get_all_components(SalesforceLoad)]
    jobs = StartableJobs([job.name for job in defs.jobs or ()], loads, defs.resolve_job_def)
    mistakes = [mistake for one in events for mistake in one.start_job_mistakes(jobs)]
    if mistakes:
        raise ConfigurationError(mistakes)
    return defs
