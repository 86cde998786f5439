"""What can be wrong with a schema file that a user wrote."""

from __future__ import annotations

from pathlib import Path

from emulator.errors import UsageError


class SchemaFileError(UsageError):
    """The file given with `--schema` doesn't describe objects and fields.

    Attributes:
        file, where: The file, and the path to the place inside it, e.g. ``Shipment__c.Weight__c``.
        problem: What is wrong there.
        remedy: What to write instead.
    """

    def __init__(self, file: Path, where: str, problem: str, remedy: str) -> None:
        super().__init__(file, where, problem, remedy)  # all of them, so it pickles
        self.file, self.where, self.problem, self.remedy = file, where, problem, remedy

    def __str__(self) -> str:
        place = f"{self.file}: {self.where}" if self.where else str(self.file)
        return f"{place}: {self.problem}. {self.remedy}"
