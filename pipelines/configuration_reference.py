"""`python -m pipelines.configuration_reference`: prints docs/configuration.md.

What the page says of a setting stands in the component's model, and of an environment variable in
`environment_variables`; here is only how it looks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from pipelines.components import (
    SalesforceConnection,
    SalesforceEvents,
    SalesforceLoad,
    SalesforceSync,
    WarehouseConnection,
)
from pipelines.environment_variables import (
    CONNECTION_VARIABLES,
    MACHINE_VARIABLES,
    PLACE_VARIABLES,
    Variable,
)

COMPONENTS: tuple[type[BaseModel], ...] = (
    SalesforceConnection,
    WarehouseConnection,
    SalesforceSync,
    SalesforceLoad,
    SalesforceEvents,
)

_TOP = """\
# Configuration

<!-- Written by `make docs` from the components' models. Change the sentences there. -->

What is synced stands in `pipelines/defs/`: one folder per sync, each with a `defs.yaml`, and the
connections in `pipelines/defs/connections/defs.yaml`. Where an org or a warehouse is, and every
secret, comes from [environment variables](#environment-variables). A YAML file may hold several
documents, parted by `---`; each has a `type` and `attributes`:

```yaml
type: pipelines.components.SalesforceSync
attributes:
  org: salesforce
  objects:
    Account:
      fields: [Name, Industry, "Billing*"]
      partitions: {every: day, start: 2026-09-01}
```

`dg check defs` finds mistakes in keys, types, cron expressions and names of connections, and says
file, line, key and the nearest right spelling. Objects and fields are checked when a run starts,
against what the org describes.
"""

_VARIABLES = """\
## Environment variables

`.env.example` lists them to copy. Variables marked *secret* are read when a run starts, and stand
in no log and no run configuration.

### Of a Salesforce connection

The names below are those of a connection whose `environment` is `SALESFORCE`, the default. A second
connection with `environment: SANDBOX` reads `SANDBOX_LOGIN_URL` and so on.
"""

_PLAIN_TYPES = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "`true` or `false`",
}


def reference() -> str:
    """The whole page."""
    parts = [_TOP]
    for component in COMPONENTS:
        parts += _component(component)
    parts.append(_VARIABLES)
    parts.append(_variable_table(CONNECTION_VARIABLES))
    parts.append("### Of places and keys\n")
    parts.append(_variable_table(PLACE_VARIABLES))
    parts.append("### Of this machine\n")
    parts.append("Set them in the shell: `make` and Dagster need them before a `.env` is read.\n")
    parts.append(_variable_table(MACHINE_VARIABLES))
    return "\n".join(parts)


def _component(component: type[BaseModel]) -> Iterator[str]:
    schema = component.model_json_schema(by_alias=True)
    yield f"## {component.__name__}\n"
    yield f"`type: pipelines.components.{component.__name__}`. {schema['description']}\n"
    yield _setting_table(schema)
    for name, nested in _nested(schema):
        yield f"### `{name}`\n"
        yield f"{nested['description']}\n"
        yield _setting_table(nested)


def _nested(schema: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Models within a component, the outer ones first, under the path of the key they stand at."""
    definitions = schema.get("$defs", {})
    found: list[tuple[str, Mapping[str, Any]]] = []

    def visit(path: str, model: Mapping[str, Any]) -> None:
        for key, setting in model["properties"].items():
            for step, name in _references(key, setting):
                found.append((f"{path}{key}{step}", definitions[name]))
                visit(f"{path}{key}{step}.", definitions[name])

    visit("", schema)
    return found


def _references(key: str, setting: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Models that a setting holds, and what stands between its key and theirs."""
    for one in (setting, *setting.get("anyOf", ())):
        if "$ref" in one:
            yield "", one["$ref"].rsplit("/", 1)[-1]
        further = one.get("additionalProperties")
        if isinstance(further, Mapping):
            for _, name in _references(key, further):
                yield f".<{key.removesuffix('s').capitalize()}>", name


def _setting_table(model: Mapping[str, Any]) -> str:
    required = model.get("required", ())
    rows = [
        (f"`{key}`", _type(setting), _default(setting, key in required), setting["description"])
        for key, setting in model["properties"].items()
    ]
    return _table(("setting", "value", "default", "what it says"), rows)


def _type(setting: Mapping[str, Any]) -> str:
    if "anyOf" in setting:
        return " or ".join(_type(one) for one in setting["anyOf"] if one.get("type") != "null")
    if "enum" in setting:
        return " or ".join(f"`{choice}`" for choice in setting["enum"])
    if "$ref" in setting:
        return "settings, below"
    if setting.get("format") == "date":
        return "date"
    kind = setting["type"]
    if kind == "array":
        return f"list of {_type(setting['items'])}"
    if kind == "object":
        values = setting["additionalProperties"]
        return f"{_type(values)} by name".replace(", below by name", " by name, below")
    return _PLAIN_TYPES[kind] + _bounds(setting)


def _bounds(setting: Mapping[str, Any]) -> str:
    if "minimum" not in setting:
        return ""
    if "maximum" in setting:
        return f" from {setting['minimum']} to {setting['maximum']}"
    return f" ≥ {setting['minimum']}"


def _default(setting: Mapping[str, Any], required: bool) -> str:
    if required:
        return "**required**"
    default = setting["default"]
    if default in (None, [], {}):
        return ""
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def _variable_table(variables: Sequence[Variable]) -> str:
    rows = [
        (f"`{one.name}`", f"{one.meaning}{' *Secret.*' if one.secret else ''}", one.unset)
        for one in variables
    ]
    return _table(("variable", "what it says", "when it isn't set"), rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in escaped)


if __name__ == "__main__":
    print(reference(), end="")
