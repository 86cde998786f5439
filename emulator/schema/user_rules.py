"""Validation rules as a user declares them, checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from emulator.schema.schema_file import Place

_RULE_KEYS = frozenset({"expression", "message", "field"})


def user_rules(given: Any, fields: Iterable[str], here: Place) -> list[dict[str, Any]]:
    """The rules of one object, in the order of the file.

    Args:
        fields: Names of the object's fields.

    Raises:
        SchemaFileError: A rule lacks something, or names a field that isn't there.
    """
    rules = []
    for name, body in here.mapping(given, None).items():
        place = here.at(str(name))
        rule = place.mapping(body, _RULE_KEYS)
        for key in ("expression", "message"):
            if not isinstance(rule.get(key), str) or not rule[key].strip():
                raise place.at(key).error("must be text", "Every rule needs it.")
        if "field" in rule:
            place.at("field").one_of(rule["field"], fields, "a field of the object")
        rules.append({"name": str(name), **rule})
    return rules
