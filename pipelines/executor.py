"""How a run works on the objects in it."""

from typing import Any

import dagster as dg

STEPS_AT_ONCE = "steps_at_once"
RETRIES = "retries"

# Steps wait for Salesforce most of the time, so that more of them than cores pay.
DEFAULT_STEPS_AT_ONCE = 4


@dg.configured(
    dg.multi_or_in_process_executor,
    config_schema={
        STEPS_AT_ONCE: dg.Field(
            int,
            default_value=DEFAULT_STEPS_AT_ONCE,
            description="Objects that a run works on at once; 1 works in the run's own process.",
        ),
        RETRIES: dg.Field(
            bool,
            default_value=True,
            description="Whether a step that failed for a passing reason is run again.",
        ),
    },
)
def steps_executor(config: dict[str, Any]) -> dict[str, Any]:
    """A process per step, forked off one that has loaded the project: half the start-up time."""
    retries: dict[str, Any] = {"enabled": {}} if config[RETRIES] else {"disabled": {}}
    if config[STEPS_AT_ONCE] == 1:
        return {"in_process": {"retries": retries}}
    preload = {"preload_modules": ["pipelines.definitions"]}
    return {
        "multiprocess": {
            "max_concurrent": config[STEPS_AT_ONCE],
            "start_method": {"forkserver": preload},
            "retries": retries,
        }
    }
