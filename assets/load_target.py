"""Looks a load's fields up in the org, and names every one that can't be sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assets.errors import LoadMappingError, UnknownObjectError
from assets.load_spec import LoadSpec
from assets.outbound_plan import MappingProblem, folds_keys, judge_mapping, required_columns
from assets.spelling import nearest
from resources.salesforce.client import SalesforceClient
from resources.salesforce.describe import SObjectDescribe
from resources.salesforce.errors import MappingError, NotFoundError, UnknownFieldError
from resources.salesforce.load_columns import LoadColumn, resolve_column


@dataclass(frozen=True)
class LoadTarget:
    """A load's object and fields as the org describes them."""

    describe: SObjectDescribe
    columns: tuple[LoadColumn, ...]
    fold_keys: bool
    required: tuple[str, ...]
    warnings: tuple[str, ...]


def load_target(
    client: SalesforceClient, spec: LoadSpec, more: Sequence[MappingProblem] = ()
) -> LoadTarget:
    """The target, if rows can be sent to it.

    Args:
        more: What is wrong with the mapping besides, to be told in one go.

    Raises:
        UnknownObjectError: The org has no such object.
        LoadMappingError: All that is wrong with the mapping.
    """
    describe = _describe(client, spec.object)
    columns: list[LoadColumn] = []
    problems = list(more)
    for one in spec.fields:
        try:
            columns.append(
                resolve_column(describe, one.name, lambda name: _describe(client, name), one.nulls)
            )
        except MappingError as error:
            problems.append(MappingProblem(one.name, error.cause))
        except UnknownFieldError as error:
            problems.append(MappingProblem(one.name, str(error)))
    verdict = judge_mapping(spec, describe, columns)
    problems += verdict.problems
    if problems:
        raise LoadMappingError(spec.name, describe.name, [str(problem) for problem in problems])
    return LoadTarget(
        describe,
        tuple(columns),
        folds_keys(spec, columns),
        required_columns(spec, columns),
        verdict.warnings,
    )


def _describe(client: SalesforceClient, object_name: str) -> SObjectDescribe:
    try:
        return client.describe(object_name)
    except NotFoundError:
        names = [known.name for known in client.describe_global()]
        raise UnknownObjectError(object_name, nearest(object_name, names)) from None
