"""Types of settings that say in plain words what is wrong with a value."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from dagster._utils.schedules import is_valid_cron_string
from pydantic import AfterValidator, BeforeValidator, Field

from assets.spelling import nearest

_OBJECT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
# Field, Relationship.Field or Object:Relationship.Field, as Bulk CSV has them.
_COLUMN_NAME = re.compile(r"((([A-Za-z]\w*):)?[A-Za-z]\w*\.)?[A-Za-z]\w*\Z", re.ASCII)
_EVENT_NAME = re.compile(r"[A-Za-z]\w*__e\Z", re.ASCII)
_TABLE_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_RESOURCE_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_HOOK = re.compile(r"[\w.]+:\w+\Z")


def _cron(text: str) -> str:
    if not is_valid_cron_string(text):
        raise ValueError(
            f"{text!r} isn't a cron expression: five fields, minute hour day month weekday, "
            'such as "0 2 * * *"'
        )
    return text


def _timezone(name: str) -> str:
    known = available_timezones()
    if name not in known:
        near = nearest(name, known)
        hint = f"; did you mean {near}" if near else ""
        raise ValueError(f"{name!r} isn't a time zone{hint}")
    ZoneInfo(name)
    return name


def _hook(reference: str) -> str:
    if not _HOOK.match(reference):
        raise ValueError(f"{reference!r} isn't of the form module:function")
    module_name, function_name = reference.split(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ValueError(f"{module_name} can't be imported: {error}") from None
    function = getattr(module, function_name, None)
    if not callable(function):
        near = nearest(function_name, [n for n in vars(module) if callable(getattr(module, n))])
        hint = f"; did you mean {near}" if near else ""
        raise ValueError(f"{module_name} has no function {function_name}{hint}")
    return reference


def _object_name(name: str) -> str:
    if not _OBJECT_NAME.match(name):
        raise ValueError(f"{name!r} isn't the API name of an object, such as Order__c")
    return name


def _event_name(name: str) -> str:
    if not _EVENT_NAME.match(name):
        raise ValueError(f"{name!r} isn't the API name of a platform event, such as Order_Event__e")
    return name


def _table_name(name: str) -> str:
    if not _TABLE_NAME.match(name):
        raise ValueError(
            f"{name!r} isn't a table's name: small letters, digits and underscores, and none of "
            "the latter at the beginning"
        )
    return name


def _column_name(name: str) -> str:
    if not _COLUMN_NAME.match(name):
        raise ValueError(
            f"{name!r} isn't a field, such as Amount__c, nor a parent's field, such as "
            "Account__r.ERP_Id__c or Lead:Who.Email"
        )
    return name


def _key_parts(value: Any) -> Any:
    return value.split("/") if isinstance(value, str) else value


def _resource_name(name: str) -> str:
    if not _RESOURCE_NAME.match(name):
        raise ValueError(f"{name!r} must be small letters, digits and underscores")
    return name


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _partition_start(value: date) -> date:
    if value.year < 1999:
        raise ValueError(
            f"{value} lies before Salesforce; the first window takes all that is older"
        )
    return value


def _text_tags(tags: Any) -> Any:
    if isinstance(tags, Mapping):
        return {str(key): "" if value is None else str(value) for key, value in tags.items()}
    return tags


Cron = Annotated[str, AfterValidator(_cron)]
TimeZone = Annotated[str, AfterValidator(_timezone)]
Hook = Annotated[str, AfterValidator(_hook)]
ObjectName = Annotated[str, AfterValidator(_object_name)]
EventName = Annotated[str, AfterValidator(_event_name)]
TableName = Annotated[str, AfterValidator(_table_name)]
ColumnName = Annotated[str, AfterValidator(_column_name)]
AssetKeyParts = Annotated[list[str], BeforeValidator(_key_parts), Field(min_length=1)]
ResourceName = Annotated[str, AfterValidator(_resource_name)]
Names = Annotated[list[str], BeforeValidator(_one_or_more), Field(min_length=1)]
NameList = Annotated[list[str], BeforeValidator(_one_or_more)]
PartitionStart = Annotated[date, AfterValidator(_partition_start)]
Tags = Annotated[dict[str, str], BeforeValidator(_text_tags)]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
ApiVersion = Annotated[str, Field(pattern=r"^\d{2,3}\.0$")]
