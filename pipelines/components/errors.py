"""What is wrong with a defs.yaml, said so that it can be found and mended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong: where, under which key, what, and what was probably meant."""

    file: str | None
    line: int | None
    key: str
    problem: str
    nearest: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file else ""
        hint = f" Did you mean `{self.nearest}`?" if self.nearest else ""
        return f"{place}{self.key}: {self.problem}.{hint}"


class ConfigurationError(Exception):
    """A component's attributes can't be used; every mistake is listed."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__(tuple(mistakes))
        self.mistakes = tuple(mistakes)

    def __str__(self) -> str:
        return "\n".join(str(mistake) for mistake in self.mistakes)
