"""The run that a step belongs to, as ledgers name it."""

import dagster as dg

from assets.extract import RunIds


def run_ids(context: dg.AssetExecutionContext) -> RunIds:
    """This run, and the first one of its chain of retries."""
    run = context.run
    return RunIds(run.run_id, run.root_run_id or run.run_id)
