"""Reads a component's attributes strictly: a mistake names file, line, key and right spelling.

Dagster's own message underlines the parent of a misspelt nested key. So a component here takes its
attributes as they stand in the file, fills in templates, and validates them itself.
"""

from __future__ import annotations

import os
import re
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import dagster as dg
from dagster_shared.yaml_utils.source_position import SourcePosition, SourcePositionTree
from pydantic import BaseModel, ConfigDict, PrivateAttr, RootModel, ValidationError
from pydantic_core import ErrorDetails

from assets.spelling import nearest
from pipelines.components.errors import ConfigurationError, Mistake

KeyPath = Sequence[str | int]
MISSING = "is required"


class StrictModel(BaseModel):
    """Settings of which each key must be known."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, protected_namespaces=())


class StrictComponent(dg.Component, StrictModel):
    """A component whose fields are its attributes in ``defs.yaml``."""

    _positions: SourcePositionTree | None = PrivateAttr(default=None)
    _path: Path | None = PrivateAttr(default=None)

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """Takes anything, and shows editors the strict schema.

        `dg check defs` would otherwise stop at the schema, whose messages know no spelling.
        """

        class Attributes(RootModel[dict[str, Any]]):
            @classmethod
            def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
                strict = component.model_json_schema(*args, **options)
                definitions = strict.pop("$defs", {})
                return {"$defs": definitions, "anyOf": [strict, {}]}

        component = cls
        Attributes.__name__ = f"{cls.__name__}Attributes"
        return Attributes

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """Validate the attributes of one YAML document.

        Raises:
            ConfigurationError: All mistakes at once.
        """
        raw = attributes.root if isinstance(attributes, RootModel) else {}
        resolution = context.resolution_context.at_path("attributes")
        positions = resolution.source_position_tree
        try:
            component = cls.model_validate(_fill_templates(raw, resolution))
        except ValidationError as error:
            mistakes = [_mistake(cls, details, positions) for details in error.errors()]
            raise ConfigurationError(_once_each(mistakes)) from None
        component._positions = positions
        component._path = context.path if positions else None
        return component

    def named_after_folder(self, otherwise: str) -> str:
        """The folder's name as jobs, schedules and groups can have it."""
        name = self._path.name if self._path else otherwise
        return re.sub(r"\W", "_", name, flags=re.ASCII)

    def mistake(self, path: KeyPath, problem: str, meant: str | None = None) -> Mistake:
        """A mistake that only shows once the whole project is known."""
        return mistake_at(self._positions, path, problem, meant)


class NamedComponent(StrictComponent):
    """A component that others refer to by its name."""

    name: str


def require_unique_name(
    component: NamedComponent, all_of_its_kind: Sequence[NamedComponent]
) -> None:
    """Refuse the second component of one name.

    Raises:
        ConfigurationError: There is one of that name before it.
    """
    for other in all_of_its_kind:
        if other is component:
            return
        if other.name == component.name:
            problem = f"{component.name!r} is the name of another {type(component).__name__}, too"
            raise ConfigurationError([component.mistake(["name"], problem)])


def mistake_at(
    positions: SourcePositionTree | None, path: KeyPath, problem: str, meant: str | None = None
) -> Mistake:
    """A mistake at the deepest key of ``path`` that stands in the file."""
    key = ".".join(str(part) for part in path) or "attributes"
    if positions is None:
        return Mistake(None, None, key, problem, meant)
    position = _position(positions, ["attributes", *path])
    return Mistake(_shown_path(position.filename), position.start.line, key, problem, meant)


def _fill_templates(value: Any, resolution: dg.ResolutionContext) -> Any:
    # Only texts that hold a template: Dagster's resolver turns any other text that happens to be a
    # Python literal ("007", "'x'") into its value.
    if isinstance(value, Mapping):
        return {k: _fill_templates(v, resolution.at_path(k)) for k, v in value.items()}
    if isinstance(value, list):
        return [_fill_templates(v, resolution.at_path(i)) for i, v in enumerate(value)]
    if isinstance(value, str) and ("{{" in value or "{%" in value):
        return resolution.resolve_value(value)
    return value


def _mistake(
    model: type[BaseModel], details: ErrorDetails, positions: SourcePositionTree | None
) -> Mistake:
    path = [part for part in details["loc"] if part != "[key]"]
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        known = _settings(_model_at(model, path[:-1]))
        meant = nearest(str(path[-1]), known)
        problem = "there is no such setting; there are " + ", ".join(known)
        return mistake_at(positions, path, problem, meant)
    if kind == "literal_error":
        choices = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        problem = f"is {details['input']!r}, and must be {context['expected']}"
        return mistake_at(positions, path, problem, nearest(str(details["input"]), choices))
    if kind == "missing":
        return mistake_at(positions, path, MISSING)
    if kind == "value_error":
        return mistake_at(positions, path, str(context["error"]))
    return mistake_at(positions, path, details["msg"][:1].lower() + details["msg"][1:])


def _once_each(mistakes: Sequence[Mistake]) -> list[Mistake]:
    """Without those that a misspelt key explains: it is unknown, and the right one missing."""
    meant = {
        ".".join([*mistake.key.split(".")[:-1], mistake.nearest])
        for mistake in mistakes
        if mistake.nearest
    }
    return [m for m in mistakes if not (m.problem == MISSING and m.key in meant)]


def _model_at(model: Any, path: KeyPath) -> type[BaseModel] | None:
    """The model that holds the keys at ``path``."""
    for part in path:
        model = _without_none(model)
        if isinstance(model, type) and issubclass(model, BaseModel):
            by_key = {field.alias or name: field for name, field in model.model_fields.items()}
            if part not in by_key:
                return None
            model = by_key[str(part)].annotation
        else:
            arguments = typing.get_args(model)
            model = arguments[-1] if arguments else None
    model = _without_none(model)
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _without_none(annotation: Any) -> Any:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kept = [one for one in typing.get_args(annotation) if one is not type(None)]
        return kept[0]
    if typing.get_origin(annotation) is typing.Annotated:
        return typing.get_args(annotation)[0]
    return annotation


def _settings(model: type[BaseModel] | None) -> list[str]:
    if model is None:
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _position(positions: SourcePositionTree, path: KeyPath) -> SourcePosition:
    position, _ = positions.lookup_closest_and_path(path, None)
    return position


def _shown_path(filename: str) -> str:
    """Relative to where the user stands, if it lies below that."""
    path = Path(filename)
    if not path.is_absolute():
        return filename
    relative = os.path.relpath(path)
    return filename if relative.startswith("..") else relative
