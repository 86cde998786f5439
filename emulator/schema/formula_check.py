"""Whether a schema's formulas and rules are SQL that DuckDB can run over the stored columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from emulator.schema.columns import create_table_sql, duckdb_type
from emulator.schema.model import Field, Schema, SObject, ValidationRule


def broken_formulas(schema: Schema) -> Iterator[tuple[SObject, Field, str]]:
    """Each field whose formula doesn't bind, with what DuckDB says about it."""
    with _tables(schema) as connection:
        for sobject in schema.objects.values():
            for field in sobject.fields.values() if sobject.has_rows else ():
                problem = _problem(connection, sobject, field)
                if problem:
                    yield sobject, field, problem


def broken_rules(schema: Schema) -> Iterator[tuple[SObject, ValidationRule, str]]:
    """Each validation rule whose condition doesn't bind, with what DuckDB says about it."""
    with _tables(schema) as connection:
        for sobject in schema.objects.values():
            for rule in sobject.rules if sobject.has_rows else ():
                problem = _refusal(connection, sobject, rule.expression, "BOOLEAN")
                if problem:
                    yield sobject, rule, problem


@contextmanager
def _tables(schema: Schema) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty table per object."""
    with duckdb.connect(":memory:") as connection:
        for sobject in schema.objects.values():
            if sobject.has_rows:
                connection.execute(create_table_sql(sobject))
        yield connection


def _problem(connection: duckdb.DuckDBPyConnection, sobject: SObject, field: Field) -> str | None:
    for formula in (field.formula, field.default_formula, field.change_formula):
        if formula is not None:
            problem = _refusal(connection, sobject, formula, duckdb_type(field))
            if problem:
                return problem
    return None


def _refusal(
    connection: duckdb.DuckDBPyConnection, sobject: SObject, formula: str, kind: str
) -> str | None:
    expression = formula.replace("{row}", "r")
    try:
        connection.execute(f'SELECT CAST(({expression}) AS {kind}) FROM "{sobject.name}" r')
    except duckdb.Error as error:
        return str(error).splitlines()[0]
    return None
