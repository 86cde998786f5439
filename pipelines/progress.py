"""Shows how runs get on: bars on a terminal, plain lines elsewhere, always on stderr."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from assets.keys import object_keys, step_name
from pipelines.run_messages import pool_wait
from pipelines.runs import Order

STAGES = ("extract", "transform", "table")


class Lines:
    """One line per stage that is done."""

    def __init__(self, order: Order) -> None:
        self._names = _stage_names(order)
        self._steps = _step_names(order)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to clear."""

    def say(self, sentence: str) -> None:
        print(sentence, file=sys.stderr, flush=True)

    def see(self, event: dg.DagsterEvent) -> None:
        name = _materialized(event, self._names)
        waits = pool_wait(event)
        if waits:
            self.say(waits)
        elif name:
            print(f"{name[0]}: {name[1]} done", file=sys.stderr)
        elif event.event_type == dg.DagsterEventType.STEP_FAILURE:
            print(f"{self._steps.get(event.step_key or '', 'step')}: failed", file=sys.stderr)
        elif event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY:
            print(f"{self._steps.get(event.step_key or '', 'step')}: again", file=sys.stderr)


class Bars:
    """One bar per object, a third of it per stage."""

    def __init__(self, order: Order, console: Console) -> None:
        self._names = _stage_names(order)
        self._steps = _step_names(order)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[stage]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._tasks = {
            spec.name: self._progress.add_task(
                f"{spec.name} {order.range or ''}", total=len(STAGES), stage="waiting", start=False
            )
            for spec in order.objects
        }

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def say(self, sentence: str) -> None:
        self._progress.console.print(sentence, highlight=False, markup=False)

    def see(self, event: dg.DagsterEvent) -> None:
        name = _materialized(event, self._names)
        step = self._steps.get(event.step_key or "")
        waits = pool_wait(event)
        if waits:
            self.say(waits)
        elif name:
            following = [*STAGES[STAGES.index(name[1]) + 1 :], "done"][0]
            self._progress.update(self._tasks[name[0]], advance=1, stage=following)
        elif step and event.event_type == dg.DagsterEventType.STEP_START:
            self._progress.start_task(self._tasks[step])
            self._progress.update(self._tasks[step], completed=0, stage=STAGES[0])
        elif step and event.event_type == dg.DagsterEventType.STEP_FAILURE:
            self._progress.update(self._tasks[step], stage="failed")


def progress_for(order: Order, console: Console) -> Bars | Lines:
    """Bars where they can move."""
    return Bars(order, console) if console.is_terminal else Lines(order)


def _stage_names(order: Order) -> dict[str, tuple[str, str]]:
    """Object and stage by the name of the step's output."""
    return {
        key.to_python_identifier(): (spec.name, stage)
        for spec in order.objects
        for stage, key in zip(STAGES, object_keys(order.sync.spec, spec).stages, strict=True)
    }


def _step_names(order: Order) -> dict[str, str]:
    return {step_name(order.sync.spec, spec): spec.name for spec in order.objects}


def _materialized(
    event: dg.DagsterEvent, names: dict[str, tuple[str, str]]
) -> tuple[str, str] | None:
    """Which stage of which object is done; a range has one output, and many materializations."""
    if event.event_type != dg.DagsterEventType.STEP_OUTPUT:
        return None
    return names.get(event.step_output_data.output_name)
