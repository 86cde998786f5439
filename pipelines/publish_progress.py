"""Shows how a long publishing gets on: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

LINE_EVERY_S = 5.0


@contextmanager
def told_on(
    console: Console, event: str, rows: int, *, line_every_s: float = LINE_EVERY_S
) -> Iterator[Callable[[int], None]]:
    """Whom to tell of how many rows the outcome is known.

    Args:
        line_every_s: Seconds between lines, and before the first, where a bar can't move.
    """
    if not console.is_terminal:
        yield _Lines(console, event, rows, line_every_s)
        return
    columns = TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn()
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task(event, total=rows)
        yield lambda sent: progress.update(task, completed=sent)


class _Lines:
    """A line, if the last one was long ago."""

    def __init__(self, console: Console, event: str, rows: int, every_s: float) -> None:
        self._console, self._event, self._rows, self._every_s = console, event, rows, every_s
        self._told_s = time.monotonic()

    def __call__(self, sent: int) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s < self._every_s:
            return
        self._told_s = now_s
        text = f"{self._event}: {sent:,} of {self._rows:,} rows are sent"
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
