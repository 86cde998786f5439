"""How a run works on the objects in it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import dagster as dg

from pipelines.dead_runs import lease_while_alive

if TYPE_CHECKING:
    from dagster._core.execution.context.system import PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan
    from dagster._core.execution.retries import RetryMode
    from dagster._core.execution.step_dependency_config import StepDependencyConfig

STEPS_AT_ONCE = "steps_at_once"
RETRIES = "retries"

# Steps wait for Salesforce most of the time, so that more of them than cores pay.
DEFAULT_STEPS_AT_ONCE = 4


class LeasedExecutor(dg.Executor):
    """Another executor, by which a run has a lease for as long as its process lives."""

    def __init__(self, executor: dg.Executor) -> None:
        self._executor = executor

    @property
    def retries(self) -> "RetryMode":
        return self._executor.retries

    @property
    def step_dependency_config(self) -> "StepDependencyConfig":
        return self._executor.step_dependency_config

    def execute(
        self, plan_context: "PlanOrchestrationContext", execution_plan: "ExecutionPlan"
    ) -> Iterator[dg.DagsterEvent]:
        # Dagster writes the run's end after this, and drops its context of the run after that.
        lease_while_alive(plan_context, plan_context.instance, plan_context.run_id)
        yield from self._executor.execute(plan_context, execution_plan)


@dg.executor(
    name="leased_executor",
    # Dagster takes a schema as it has it; its annotations don't say so.
    config_schema=cast(Any, dg.multi_or_in_process_executor.config_schema),
    requirements=dg.multi_or_in_process_executor.get_requirements,
)
def leased_executor(context: dg.InitExecutorContext) -> dg.Executor:
    """Dagster's own executor, whose runs end when their process does."""
    create = dg.multi_or_in_process_executor.executor_creation_fn
    assert create is not None, "Dagster's own executor can be created"
    return LeasedExecutor(create(context))


@dg.configured(
    leased_executor,
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
