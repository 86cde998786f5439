"""What a Salesforce name is called in the warehouse."""

from __future__ import annotations

import re
from collections.abc import Iterable

from assets.errors import NameCollisionError
from assets.specs import Naming

# Fivetran breaks before a capital that follows a small letter or a digit, and between a letter and
# the digit after it; runs of capitals stay together: LastCURequestDate is last_curequest_date,
# Pricebook2Id is pricebook_2_id, npe01__HH__c is npe_01_hh_c in the public dbt models.
_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])")
_UNDERSCORES = re.compile(r"_+")


def warehouse_name(api_name: str, naming: Naming = "fivetran") -> str:
    """The table or column name of a Salesforce object or field."""
    if naming == "api":
        return api_name
    broken = _BREAK.sub("_", api_name).lower()
    return _UNDERSCORES.sub("_", broken).strip("_")


def column_names(api_names: Iterable[str], naming: Naming = "fivetran") -> dict[str, str]:
    """Field name to column name, in order.

    Raises:
        NameCollisionError: Two fields would share a column. Names are compared without case, as
            warehouses do.
    """
    columns: dict[str, str] = {}
    taken: dict[str, str] = {}
    for api_name in api_names:
        column = warehouse_name(api_name, naming)
        other = taken.setdefault(column.lower(), api_name)
        if other != api_name:
            raise NameCollisionError(column, other, api_name)
        columns[api_name] = column
    return columns
