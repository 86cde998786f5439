"""Reading the user's schema file, with errors that say where in it something is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from emulator.schema.errors import SchemaFileError


def load_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise SchemaFileError(
            path, "", f"can't be read ({error.strerror})", "Check the path given with --schema."
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise SchemaFileError(path, line, f"isn't YAML: {problem}", "Mend that line.") from error


@dataclass(frozen=True)
class Place:
    """Where in the file we are, for errors that say so."""

    file: Path
    where: str = ""

    def at(self, part: str) -> Place:
        return Place(self.file, f"{self.where}.{part}" if self.where else part)

    def error(self, problem: str, remedy: str) -> SchemaFileError:
        return SchemaFileError(self.file, self.where, problem, remedy)

    def mapping(self, value: Any, keys: Iterable[str] | None) -> Mapping[str, Any]:
        """The value as a mapping, all of whose keys are known."""
        if not isinstance(value, dict):
            raise self.error("must be a mapping", "Write `key: value` lines below it.")
        for key in value if keys is not None else ():
            self.at(str(key)).one_of(key, keys or (), "a key here")
        return value

    def refuse_keys(self, value: Mapping[str, Any], keys: Iterable[str], why: str) -> None:
        for key in sorted(set(value) & set(keys)):
            raise self.at(key).error(why, "Add `fields` and `validationRules` to it.")

    def one_of(self, value: Any, known: Iterable[str], what: str) -> None:
        names = list(known)
        if value not in names:
            remedy = nearest(value, names) or "Known: " + _few(names)
            raise self.error(f"{value!r} is not {what}", remedy)


def nearest(value: Any, known: Iterable[str]) -> str | None:
    """A hint at the known name that is spelled most like the value, if any comes close."""
    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(str(value).lower(), names, n=1, cutoff=0.6)
    return f"Did you mean {names[near[0]]}?" if near else None


def _few(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:12]) + (", …" if len(listed) > 12 else ".")
