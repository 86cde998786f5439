"""Shows how a load gets on: one line that moves on a terminal, plain lines elsewhere; on stderr."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class LoadProgress(Protocol):
    """Whom a load tells how it gets on. Use it as a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def say(self, sentence: str) -> None:
        """What is worth keeping."""
        ...

    def now(self, sentence: str) -> None:
        """What goes on at the moment."""
        ...


class Lines:
    """A line for everything."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to clear."""

    def say(self, sentence: str) -> None:
        self._console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    def now(self, sentence: str) -> None:
        self.say(sentence)


class Spinner:
    """What goes on moves in the last line, below what was said."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("beginning")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, sentence: str) -> None:
        self._progress.console.print(sentence, markup=False, highlight=False)

    def now(self, sentence: str) -> None:
        self._progress.update(self._task, description=escape(sentence))


def load_progress(console: Console) -> LoadProgress:
    """A moving line where it can move."""
    return Spinner(console) if console.is_terminal else Lines(console)
